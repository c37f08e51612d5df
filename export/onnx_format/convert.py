"""Keras model to a checked ONNX file."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import keras

from export.base.artifact import Artifact, Port
from export.base.errors import ConversionError, InputError
from export.base.files import refuse_existing, replacing, sha256
from export.base.runtime import Arrays
from export.keras_model import ports as signature
from export.keras_model.calibration import batches
from export.keras_model.metadata import describe
from export.keras_model.prepare import prepare
from export.loading.given import model_of
from export.onnx_format import channels_first as layout
from export.onnx_format import integer_ports as integers
from export.onnx_format import names
from export.onnx_format import write as external
from export.onnx_format.engine import ONNX_RUNTIME
from export.onnx_format.from_tensorflow import convert
from export.onnx_format.graph import OnnxGraph
from export.onnx_format.introduction import introduce
from export.onnx_format.passes import constants
from export.onnx_format.passes.clean import clean
from export.onnx_format.precision import reduce
from export.processes import child
from export.tensorflow_graph.large_weights import separable, size
from export.tensorflow_graph.locate_error import written
from export.tensorflow_graph.trace import Traced, trace
from export.verification.gate import Gate
from export.verification.precisions import precision_of
from export.verification.reference import Reference

OPSETS = range(13, 19)


def to_onnx(
    model: keras.Model | str | Path,
    path: str | Path,
    *,
    opset: int = 18,
    batch: int | None = None,
    precision: str = "float32",
    calibration: Any = None,
    nchw: bool = False,
    integer_io: bool = False,
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
    reference: Reference | None = None,
) -> Artifact:
    """Writes `model` as an ONNX file that ONNX Runtime was seen to load, run and agree with.

    Batch norms are not folded; see `fold.fold_batch_norms`.

    Args:
        model: any built Keras model, or the path of a `.keras` file. It is not changed.
        path: ends in `.onnx`.
        opset: ONNX operator set, 13 to 18.
        batch: fixed batch size; None leaves the first axis free and names it `batch`.
        precision: "float32", "float16", "dynamic_int8" (weights alone) or "int8" (all).
        calibration: representative inputs for "int8", see `export.keras_model.calibration.batches`.
        nchw: whether images go in and out with channels first.
        integer_io: whether an "int8" file takes and gives int8 as well; else float32. The entry
            "quantized_ports" of its `metadata_props` holds scale and zero point of each.
        overwrite: whether a file of this name may be replaced.
        metadata: further entries for the file's `metadata_props`.
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
    _check_arguments(path, opset, batch)
    calibrated = precision_of(precision).calibrated
    refuse_existing(path, overwrite)
    child.start()
    prepared = prepare(model_of(model))
    _check_size(prepared.model, precision)
    data = batches(prepared.model, calibration, batch or 1) if calibrated else []
    about = dict(metadata or {})
    wish = _Wish(opset, batch, precision, data, nchw, integer_io, about, prepared.model, reference)
    with replacing(path, overwrite) as place:
        graph, files = written(prepared.model, place, wish.write)
        return Artifact(
            path=path,
            format="onnx",
            precision=precision,
            inputs=wish.ports(signature.inputs(prepared.model), graph.inputs),
            outputs=wish.ports(signature.outputs(prepared.model), graph.outputs),
            batch=batch,
            opset=opset,
            ir_version=graph.model.ir_version,
            size=sum(file.stat().st_size for file in (place, *files)),
            sha256=sha256(place),
            files={file.name: sha256(file) for file in files},
            operators=graph.operators(),
            notes=prepared.notes,
        )


@dataclass(frozen=True)
class _Wish:
    """How the file shall be."""

    opset: int
    batch: int | None
    precision: str
    calibration: list[Arrays]
    nchw: bool
    integer_io: bool
    metadata: dict[str, str]
    model: keras.Model
    reference: Reference | None

    def write(self, model: keras.Model, place: Path) -> tuple[OnnxGraph, list[Path]]:
        """Converts, cleans up, writes and checks; returns the graph and the files of weights."""
        known = self.reference if model is self.model else None
        gate = Gate(
            ONNX_RUNTIME,
            model,
            self.batch,
            self.precision,
            examples=self.calibration,
            reference=known,
        )
        traced = trace(model, self.batch, "onnx")
        graph = child.meanwhile(gate.run_model, lambda: _convert(traced, self.opset))
        inputs = dict(zip(traced.inputs, signature.inputs(model), strict=True))
        outputs = dict(zip(traced.outputs, signature.outputs(model), strict=True))
        if self.nchw:
            inputs, outputs = layout.channels_first(graph, inputs, outputs)
        clean(graph)
        names.name_ports(graph, inputs, outputs, self.batch)
        constants.drop_unread(graph)
        names.name_inside(graph, {f"{node}:0": path for node, path in traced.paths.items()})
        about = describe(model, self.precision, self.metadata | self._layout(inputs, outputs))
        introduce(graph, model.name, about)
        files = external.write(graph, place)
        if self.precision != "float32":
            graph = self._reduced(place)
            if self.calibration and self.integer_io:
                about[integers.KEY] = json.dumps(integers.expose(graph))
            introduce(graph, model.name, about)
            files = external.write(graph, place)
        gate.check(place)
        return graph, files

    def ports(self, ports: tuple[Port, ...], order: list[str]) -> tuple[Port, ...]:
        """The model's ports as they are in the file."""
        shaped = layout.turned(ports) if self.nchw else ports
        return tuple(replace(port, index=order.index(port.name)) for port in shaped)

    def _layout(self, *ports: dict[str, Port]) -> dict[str, str]:
        """An entry that lists the ports with channels first."""
        if not self.nchw:
            return {}
        images = [p.name for group in ports for p in group.values() if len(p.shape) == 4]
        return {layout.KEY: json.dumps(images)}

    def _reduced(self, place: Path) -> OnnxGraph:
        child.call(
            f"the conversion to {self.precision}",
            reduce,
            path=place,
            precision=self.precision,
            batches=[layout.turn(feeds) if self.nchw else feeds for feeds in self.calibration],
            signed=self.integer_io,
        )
        graph = OnnxGraph.parse(place.read_bytes(), {})
        constants.drop_unread(graph)
        return graph


def _convert(traced: Traced, opset: int) -> OnnxGraph:
    apart = separable(traced)
    content = child.call(
        "the conversion to ONNX",
        convert,
        graph=traced.with_constants(traced.weights.keys() - apart).SerializeToString(),
        inputs=traced.inputs,
        outputs=traced.outputs,
        weights=[f"{name}:0" for name in sorted(apart)],
        opset=opset,
    )
    return OnnxGraph.parse(content, {f"{name}:0": traced.weights[name] for name in sorted(apart)})


def _check_size(model: keras.Model, precision: str) -> None:
    if precision != "float32" and (bytes_ := size(model)) > external.LIMIT:
        raise ConversionError(
            f"the weights take {bytes_ / 2**30:.1f} GiB and the tools that make {precision} of "
            "them hold 2; export in float32, or use a smaller model"
        )


def _check_arguments(path: Path, opset: int, batch: int | None) -> None:
    if path.suffix != ".onnx":
        raise InputError(f"{path.name!r} does not end in .onnx; give it that suffix")
    if opset not in OPSETS:
        raise InputError(
            f"opset {opset} can't be written; choose one from {OPSETS[0]} to {OPSETS[-1]}"
        )
    if batch is not None and batch < 1:
        raise InputError(f"a batch of {batch} is not a size; give a positive one or None")
