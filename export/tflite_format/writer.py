"""TFLite files with the settings of one export."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import ClassVar

import keras

from export.base.errors import ConversionError
from export.base.files import WEIGHT_LIMIT
from export.conversion.writer import Conversion, Target, WriteResult
from export.keras_model.metadata import file_metadata, refuse_other_than_text
from export.keras_model.ports import inputs, outputs
from export.processes import child
from export.processes.worker_process import Failed
from export.tensorflow_graph import large_weights
from export.tflite_format import flatbuffer
from export.tflite_format.engine import LITERT
from export.tflite_format.from_tensorflow import convert
from export.verification.engine import Engine

LISTS, DOUBLE = "TensorListReserve", "xf64>"
MISSING = re.compile(r"'tf\.(\w+)' (?:op is neither|that was explicitly marked illegal)")


@dataclass(frozen=True)
class TFLiteWriter:
    """The settings of one export; see `export.tflite_format.convert.to_tflite`."""

    batch: int | None
    integer_io: bool
    allow_flex: bool
    metadata: Mapping[str, str]
    name: ClassVar[str] = "tflite"
    engine: ClassVar[Engine] = LITERT

    def __post_init__(self) -> None:
        """Raises InputError for metadata that can't be written."""
        refuse_other_than_text(self.metadata)

    def check(self, model: keras.Model, precision: str) -> None:
        """Raises ConversionError where it can be told before the conversion."""
        if (size := large_weights.size(model)) > WEIGHT_LIMIT:
            raise ConversionError(
                f"the weights take {size / 2**30:.1f} GiB and a TFLite file holds 2; "
                "export to ONNX, or use a smaller model"
            )

    def convert(self, given: Conversion) -> dict[str, bytes]:
        """Converts in one call of the child: a flatbuffer for each precision."""
        traced = given.traced
        apart = large_weights.apart_in_tflite(traced)
        with TemporaryDirectory(dir=given.directory) as saved:
            try:
                return child.call(
                    "the conversion to TFLite",
                    convert,
                    graph=traced.with_constants(traced.weights.keys() - apart).SerializeToString(),
                    inputs=traced.inputs,
                    outputs=traced.outputs,
                    weights={name: traced.weights[name] for name in apart},
                    directory=Path(saved),
                    precisions=given.precisions,
                    calibration=[list(feeds.values()) for feeds in given.calibration],
                    integer_io=self.integer_io,
                    allow_flex=self.allow_flex,
                )
            except Failed as error:
                raise self._explain(error) from error

    def write(self, converted: dict[str, bytes], target: Target) -> WriteResult:
        """Signs and writes one of the flatbuffers."""
        model, precision = target.model, target.precision
        content = flatbuffer.sign(
            converted[precision],
            [port.name for port in inputs(model)],
            [port.name for port in outputs(model)],
            {"fleras": json.dumps(file_metadata(model, precision, self.metadata)).encode()},
            target.size,
        )
        target.path.write_bytes(content)
        return WriteResult(
            inputs(model),
            outputs(model),
            flatbuffer.operators(content),
            integers=flatbuffer.has_quantized(content),
        )

    def _explain(self, error: Failed) -> ConversionError:
        """The converter's pages of text in one line."""
        missing = sorted(set(MISSING.findall(str(error))))
        if not missing:
            return error
        otherwise = "export to ONNX" if self.allow_flex else "give --allow-flex (allow_flex=True)"
        advice = "build it from other layers"
        if DOUBLE in str(error):
            advice = "it computes in float64, so make its inputs and constants float32"
        elif LISTS in missing:
            fix = "" if self.batch else "fix the batch (batch=1), or "
            advice = f"{fix}unroll recurrent layers (unroll=True)"
        return ConversionError(
            f"needs operators that TFLite has not built in ({', '.join(missing)}); "
            f"{advice}, or {otherwise}"
        )
