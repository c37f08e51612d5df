"""The Keras model as a TensorFlow graph with its weights apart."""
