"""Models of Keras 2 rebuilt in Keras 3: containers, configurations, operations and weights."""
