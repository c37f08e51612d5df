"""What Keras' graphs, calls, weights and configs look like: the only code that knows its inside."""
