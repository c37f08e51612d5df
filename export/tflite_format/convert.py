"""Keras model to a checked TFLite file."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import keras

from export.base.artifact import Artifact
from export.base.errors import ConversionError, InputError
from export.base.files import refuse_existing, replacing, sha256
from export.base.runtime import Arrays
from export.keras_model import ports as signature
from export.keras_model.calibration import batches
from export.keras_model.metadata import describe
from export.keras_model.prepare import prepare
from export.loading.given import model_of
from export.processes import child
from export.tensorflow_graph import large_weights as weights
from export.tensorflow_graph.locate_error import written
from export.tensorflow_graph.trace import Traced, trace
from export.tflite_format import flatbuffer as tflite_file
from export.tflite_format.engine import LITERT
from export.tflite_format.from_tensorflow import convert
from export.verification.gate import Gate, runnable
from export.verification.precisions import precision_of
from export.verification.reference import Reference

LIMIT = 2**31 - 2**20
UNRUN = (
    "NOT RUN and not compared: the TFLite file needs TensorFlow's own kernels ({}), which the "
    "installed LiteRT has not; try it on a runtime with the Flex delegate before you rely on it"
)
LISTS, DOUBLE = "TensorListReserve", "xf64>"
MISSING = re.compile(r"'tf\.(\w+)' (?:op is neither|that was explicitly marked illegal)")


def to_tflite(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    batch: int | None = 1,
    precision: str = "float32",
    calibration: Any = None,
    integer_io: bool = False,
    allow_flex: bool = False,
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
    reference: Reference | None = None,
) -> Artifact:
    """Writes `model` as a TFLite file that LiteRT was seen to load, run and agree with.

    Batch norms are not folded; see `fold.fold_batch_norms`. Inputs and outputs are found by name
    through the signature `serving_default`.

    Args:
        model: any built Keras model, or the path of a `.keras` file. It is not changed.
        path: ends in `.tflite`.
        batch: fixed batch size, which is what delegates want; None leaves it free.
        precision: "float32", "float16", "dynamic_int8" (weights alone) or "int8" (all).
        calibration: representative inputs for "int8", see `export.keras_model.calibration.batches`.
        integer_io: whether an "int8" file takes and gives int8 as well; else float32.
        allow_flex: whether operators may be left to TensorFlow's own kernels, which few devices
            have. Such a file is run only where the installed runtime has them; else a note in the
            `Artifact` says that it was not.
        overwrite: whether a file of this name may be replaced.
        metadata: further entries for the file's metadata.
        reference: what the model computes, from `export.verification.make_reference`; saves a
            run.

    Returns:
        An `Artifact` that tells the file's hash, size, ports and operators.

    Raises:
        InputError: wrong arguments, an unbuilt model, or the file exists.
        ConversionError: the model can't be converted; the message names the layer.
        NotEquivalent: the file would not compute what the model computes. None is written.
    """
    path = Path(path)
    _check_arguments(path, batch)
    calibrated = precision_of(precision).calibrated
    refuse_existing(path, overwrite)
    child.start()
    prepared = prepare(model_of(model))
    _check_size(prepared.model)
    data = batches(prepared.model, calibration, batch or 1) if calibrated else []
    about = metadata or {}
    wish = _Wish(batch, precision, data, integer_io, allow_flex, about, prepared.model, reference)
    with replacing(path, overwrite) as place:
        content, unrun = written(prepared.model, place, wish.write)
    return Artifact(
        path=path,
        format="tflite",
        precision=precision,
        inputs=signature.inputs(prepared.model),
        outputs=signature.outputs(prepared.model),
        batch=batch,
        opset=None,
        ir_version=None,
        size=len(content),
        sha256=sha256(path),
        operators=tflite_file.operators(content),
        notes=prepared.notes + ((UNRUN.format(", ".join(unrun)),) if unrun else ()),
        ran=not unrun,
    )


@dataclass(frozen=True)
class _Wish:
    """How the file shall be."""

    batch: int | None
    precision: str
    calibration: list[Arrays]
    integer_io: bool
    allow_flex: bool
    metadata: Mapping[str, str]
    model: keras.Model
    reference: Reference | None

    def write(self, model: keras.Model, place: Path) -> tuple[bytes, list[str]]:
        """Converts, signs, writes and checks; returns the content, and what no runtime here has."""
        known = self.reference if model is self.model else None
        gate = Gate(
            LITERT, model, self.batch, self.precision, self.allow_flex, self.calibration, known
        )
        traced = trace(model, self.batch, "tflite")
        content = tflite_file.sign(
            child.meanwhile(gate.run_model, lambda: self._convert(traced, place.parent)),
            [port.name for port in signature.inputs(model)],
            [port.name for port in signature.outputs(model)],
            {"fleras": json.dumps(describe(model, self.precision, self.metadata)).encode()},
            runnable(model),
        )
        place.write_bytes(content)
        return content, gate.check(place)

    def _convert(self, traced: Traced, directory: Path) -> bytes:
        apart = weights.heavy(traced)
        with TemporaryDirectory(dir=directory) as room:
            try:
                return child.call(
                    "the conversion to TFLite",
                    convert,
                    graph=traced.with_constants(traced.weights.keys() - apart).SerializeToString(),
                    inputs=traced.inputs,
                    outputs=traced.outputs,
                    weights={name: traced.weights[name] for name in apart},
                    room=Path(room),
                    precision=self.precision,
                    calibration=[list(feeds.values()) for feeds in self.calibration],
                    integer_io=self.integer_io,
                    allow_flex=self.allow_flex,
                )
            except child.Failed as error:
                raise self._explained(error) from error

    def _explained(self, error: child.Failed) -> ConversionError:
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


def _check_size(model: keras.Model) -> None:
    if (size := weights.size(model)) > LIMIT:
        raise ConversionError(
            f"the weights take {size / 2**30:.1f} GiB and a TFLite file holds 2; "
            "export to ONNX, or use a smaller model"
        )


def _check_arguments(path: Path, batch: int | None) -> None:
    if path.suffix != ".tflite":
        raise InputError(f"{path.name!r} does not end in .tflite; give it that suffix")
    if batch is not None and batch < 1:
        raise InputError(f"a batch of {batch} is not a size; give a positive one or None")
