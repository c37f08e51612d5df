"""TensorFlow operators written with those of ONNX: where tf2onnx has none, or another."""
