"""Clean-ups of the graph that tf2onnx gives, one duty per file."""
