"""Keras model to a checked ONNX file."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras

from export import child, signature
from export.artifact import Artifact, Port, refuse_existing, replacing, sha256
from export.errors import InputError
from export.gate import Gate
from export.onnx_passes import constants, names
from export.onnx_passes.external import write
from export.onnx_passes.graph import OnnxGraph
from export.prepare import prepare
from export.trace import Traced, trace
from export.weights import separable

OPSETS = range(13, 19)


def to_onnx(
    model: keras.Model,
    path: str | Path,
    *,
    opset: int = 18,
    batch: int | None = None,
    precision: str = "float32",
    overwrite: bool = False,
    metadata: Mapping[str, str] | None = None,
) -> Artifact:
    """Writes `model` as an ONNX file that ONNX Runtime was seen to load, run and agree with.

    Batch norms are not folded; see `fold.fold_batch_norms`.

    Args:
        model: any built Keras model. It is not changed.
        path: ends in `.onnx`.
        opset: ONNX operator set, 13 to 18.
        batch: fixed batch size; None leaves the first axis free and names it `batch`.
        precision: "float32".
        overwrite: whether a file of this name may be replaced.
        metadata: further entries for the file's `metadata_props`.

    Returns:
        An `Artifact` that tells the file's hash, size, ports and operators.

    Raises:
        InputError: wrong arguments, an unbuilt model, or the file exists.
        ConversionError: the model can't be converted; the message names the layer.
        NotEquivalent: the file would not compute what the model computes. None is written.
    """
    path = Path(path)
    _check_arguments(path, opset, batch)
    refuse_existing(path, overwrite)
    child.start()
    prepared = prepare(model)
    gate = Gate(model, prepared.model, batch, precision)
    graph = _convert(prepared.model, batch, opset)
    with replacing(path, overwrite) as place:
        files = write(graph, place)
        gate.check(place)
        return _artifact(path, place, graph, prepared, files, batch, precision)


def _convert(model: keras.Model, batch: int | None, opset: int) -> OnnxGraph:
    traced = trace(model, batch)
    apart = separable(traced)
    content = child.call(
        "the conversion to ONNX",
        "export.onnx_graph",
        "convert",
        graph=traced.with_constants(traced.weights.keys() - apart).SerializeToString(),
        inputs=traced.inputs,
        outputs=traced.outputs,
        weights=[f"{name}:0" for name in sorted(apart)],
        opset=opset,
    )
    graph = OnnxGraph.parse(content, {f"{name}:0": traced.weights[name] for name in apart})
    _clean(graph, model, traced, batch)
    return graph


def _clean(graph: OnnxGraph, model: keras.Model, traced: Traced, batch: int | None) -> None:
    inputs = dict(zip(traced.inputs, signature.inputs(model), strict=True))
    outputs = dict(zip(traced.outputs, signature.outputs(model), strict=True))
    constants.fold(graph)
    names.name_ports(graph, inputs, outputs, batch)
    constants.drop_unread(graph)
    paths = {f"{node}:0": keras_path for node, keras_path in traced.paths.items()}
    names.name_inside(graph, paths, model.name)


def _artifact(
    path: Path, place: Path, graph: OnnxGraph, prepared: Any, files: Any, batch: Any, precision: str
) -> Artifact:
    return Artifact(
        path=path,
        format="onnx",
        precision=precision,
        inputs=_ports(signature.inputs(prepared.model), graph.inputs),
        outputs=_ports(signature.outputs(prepared.model), graph.outputs),
        batch=batch,
        opset=next(o.version for o in graph.model.opset_import if o.domain == ""),
        ir_version=graph.model.ir_version,
        size=sum(file.stat().st_size for file in (place, *files)),
        sha256=sha256(place),
        files={file.name: sha256(file) for file in files},
        operators=graph.operators(),
        notes=prepared.notes,
    )


def _ports(ports: tuple[Port, ...], order: list[str]) -> tuple[Port, ...]:
    return tuple(
        Port(port.name, port.name, order.index(port.name), port.shape, port.dtype) for port in ports
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
