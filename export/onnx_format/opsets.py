"""The ONNX operator sets that can be written."""

OPSETS = range(13, 19)
OPSET = OPSETS[-1]
"""The one that is written unless another is asked for."""
