"""FLOAT.onnx EXAMPLES.npy INT8.onnx: AIMET, equalized across layers, with its encodings."""

import sys

import numpy as np
import onnx
from aimet_onnx.cross_layer_equalization import equalize_model
from aimet_onnx.quantsim import QuantizationSimModel

source, examples, target = sys.argv[1:]
model = onnx.load(source)
equalize_model(model)
simulation = QuantizationSimModel(model, config_file="default_per_channel")
name = model.graph.input[0].name
simulation.compute_encodings([{name: each[None]} for each in np.load(examples)])
onnx.save(simulation.to_onnx_qdq(), target)
