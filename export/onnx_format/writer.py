"""ONNX files with the settings of one export."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar

import keras

from export.base.artifact import Port
from export.base.errors import ConversionError, InputError
from export.base.runtime import Arrays
from export.conversion.writer import Conversion, Target, WriteResult
from export.keras_model import ports
from export.keras_model.metadata import file_metadata, refuse_other_than_text
from export.onnx_format import channels_first as layout
from export.onnx_format import integer_ports, names, shapes, write
from export.onnx_format.engine import ONNX_RUNTIME
from export.onnx_format.from_tensorflow import convert
from export.onnx_format.graph import OnnxGraph
from export.onnx_format.introduction import introduce
from export.onnx_format.opsets import OPSETS
from export.onnx_format.passes import constants
from export.onnx_format.passes.clean import clean
from export.onnx_format.precision import reduce
from export.processes import child
from export.tensorflow_graph import large_weights
from export.tensorflow_graph.trace import Traced
from export.verification.engine import Engine
from export.verification.precisions import DEFAULT, precision_of

INTEGER = re.compile("Quantize|Integer|QLinear")


@dataclass(frozen=True)
class OnnxWriter:
    """The settings of one export; see `export.onnx_format.convert.to_onnx`."""

    opset: int
    batch: int | None
    nchw: bool
    integer_io: bool
    metadata: Mapping[str, str]
    name: ClassVar[str] = "onnx"
    engine: ClassVar[Engine] = ONNX_RUNTIME
    allow_flex: ClassVar[bool] = False

    def __post_init__(self) -> None:
        """Raises InputError for an operator set or metadata that can't be written."""
        refuse_other_than_text(self.metadata)
        if self.opset not in OPSETS:
            raise InputError(
                f"opset {self.opset} can't be written; choose one from {OPSETS[0]} to {OPSETS[-1]}"
            )

    def check(self, model: keras.Model, precision: str) -> None:
        """Raises ConversionError where it can be told before the conversion."""
        size = large_weights.size(model)
        if precision != DEFAULT and size > write.WEIGHT_LIMIT:
            raise ConversionError(
                f"the weights take {size / 2**30:.1f} GiB and the tools that make {precision} of "
                "them hold 2; export in float32, or use a smaller model"
            )

    def convert(self, given: Conversion) -> OnnxGraph:
        """The graph in float32, cleaned and named, from which every precision is made."""
        traced, model = given.traced, given.model
        graph = _convert(traced, self.opset)
        inputs = dict(zip(traced.inputs, ports.inputs(model), strict=True))
        outputs = dict(zip(traced.outputs, ports.outputs(model), strict=True))
        if self.nchw:
            inputs, outputs = layout.channels_first(graph, inputs, outputs)
        clean(graph)
        names.name_ports(graph, inputs, outputs, self.batch)
        constants.drop_unread(graph)
        names.name_inside(graph, {f"{node}:0": path for node, path in traced.paths.items()})
        return graph

    def write(self, converted: OnnxGraph, target: Target) -> WriteResult:
        """Writes the graph in one precision."""
        graph, model, precision, path = converted, target.model, target.precision, target.path
        about = file_metadata(model, precision, dict(self.metadata) | self._layout(model))
        introduce(graph, model.name, about)
        del graph.model.graph.value_info[:]
        if precision == DEFAULT:
            shapes.declare(graph)
        files = write.write(graph, path)
        if precision != DEFAULT:
            graph = self._reduce(path, precision, target.calibration)
            if precision_of(precision).calibrated and self.integer_io:
                about[integer_ports.KEY] = json.dumps(integer_ports.expose(graph))
            introduce(graph, model.name, about)
            shapes.declare(graph)
            files = write.write(graph, path)
        return WriteResult(
            self._ports(ports.inputs(model), graph.inputs),
            self._ports(ports.outputs(model), graph.outputs),
            graph.operators(),
            files,
            self.opset,
            graph.model.ir_version,
            any(INTEGER.search(name) for name in graph.operators()),
        )

    def _ports(self, model_ports: tuple[Port, ...], order: list[str]) -> tuple[Port, ...]:
        """The model's ports as they are in the file."""
        shaped = layout.channels_first_ports(model_ports) if self.nchw else model_ports
        return tuple(replace(port, index=order.index(port.name)) for port in shaped)

    def _layout(self, model: keras.Model) -> dict[str, str]:
        """An entry that lists the ports with channels first."""
        if not self.nchw:
            return {}
        both = (*ports.inputs(model), *ports.outputs(model))
        return {layout.KEY: json.dumps([port.name for port in both if len(port.shape) == 4])}

    def _reduce(self, path: Path, precision: str, calibration: Sequence[Arrays]) -> OnnxGraph:
        child.call(
            f"the conversion to {precision}",
            reduce,
            path=path,
            precision=precision,
            batches=[layout.turn(feeds) if self.nchw else feeds for feeds in calibration],
            signed=self.integer_io,
        )
        graph = OnnxGraph.parse(path.read_bytes(), {})
        constants.drop_unread(graph)
        return graph


def _convert(traced: Traced, opset: int) -> OnnxGraph:
    apart = large_weights.separable(traced)
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
