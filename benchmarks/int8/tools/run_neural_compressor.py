"""FLOAT.onnx EXAMPLES.npy INT8.onnx: Intel's neural compressor for ONNX, static, per channel."""

import sys

import numpy as np
import onnxruntime
from onnx_neural_compressor import data_reader
from onnx_neural_compressor.quantization import QuantFormat, QuantType, config, quantize


class Reader(data_reader.CalibrationDataReader):
    """The examples, one by one."""

    def __init__(self, name, examples):
        self.name, self.examples = name, examples
        self.rewind()

    def rewind(self):
        """Starts again."""
        self.left = iter(self.examples)

    def get_next(self):
        """The next example, None after the last."""
        example = next(self.left, None)
        return None if example is None else {self.name: example[None]}


source, examples, target = sys.argv[1:]
name = onnxruntime.InferenceSession(source).get_inputs()[0].name
settings = config.StaticQuantConfig(
    calibration_data_reader=Reader(name, np.load(examples)),
    quant_format=QuantFormat.QDQ,
    activation_type=QuantType.QUInt8,
    weight_type=QuantType.QInt8,
    per_channel=True,
    calibration_sampling_size=len(np.load(examples)),
)
quantize(source, target, settings)
