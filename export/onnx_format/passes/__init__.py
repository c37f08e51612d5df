"""Rewrites of the ONNX graph, one file each."""
