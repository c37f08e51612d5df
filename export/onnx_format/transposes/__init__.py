"""Moves transposes through the ONNX graph until they vanish: one rule per operator."""
