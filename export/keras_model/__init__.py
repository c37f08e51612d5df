"""The Keras model as a function of named arrays: ports, inputs, one run."""
