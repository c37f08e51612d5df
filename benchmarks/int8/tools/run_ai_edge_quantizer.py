"""FLOAT.tflite EXAMPLES.npy INT8.tflite: ai-edge-quantizer's static int8 recipe."""

import sys

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from ai_edge_quantizer import recipe
from ai_edge_quantizer.quantizer import Quantizer

source, examples, target = sys.argv[1:]
signatures = Interpreter(model_path=source).get_signature_list()
((signature, ports),) = signatures.items()
(name,) = ports["inputs"]
quantizer = Quantizer(source, recipe.static_wi8_ai8())
data = {signature: [{name: each[None]} for each in np.load(examples)]}
result = quantizer.quantize(quantizer.calibrate(data))
result.export_model(target, overwrite=True)
