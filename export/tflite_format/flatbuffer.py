"""Reads and edits TFLite flatbuffers: signature, names, metadata, the list of operators."""

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import flatbuffers
import numpy as np
from ai_edge_litert import schema_py_generated as schema

from export.base.artifact import Port
from export.base.errors import ConversionError
from export.tflite_format.engine import SIGNATURE

IDENTIFIER = b"TFL3"
ALIGNMENT = 16
BUILTINS = {
    code: name for name, code in vars(schema.BuiltinOperator).items() if not name.startswith("_")
}

DTYPES = {
    code: name.lower() for name, code in vars(schema.TensorType).items() if not name.startswith("_")
}


def sign(
    content: bytes,
    inputs: Sequence[str],
    outputs: Sequence[str],
    metadata: dict[str, bytes],
    size: int = 1,
) -> bytes:
    """Adds a signature and metadata.

    Args:
        content: a flatbuffer whose inputs and outputs are in the order of the names, or whose
            signature calls them by names that sort so.
        inputs: names for the inputs, of the tensors and in the signature.
        outputs: the same for the outputs.
        metadata: further entries by name.
        size: what free dimensions but the batch are until they are set; a runtime may refuse a
            file that can't be run as it is.
    """
    model = schema.ModelT.InitFromPackedBuf(content)
    graph = model.subgraphs[0]
    if model.signatureDefs:
        graph.inputs = _sorted(model.signatureDefs[0].inputs)
        graph.outputs = _sorted(model.signatureDefs[0].outputs)
    for tensor in graph.inputs:
        _preset(graph.tensors[tensor], size)
    signature = schema.SignatureDefT()
    signature.signatureKey, signature.subgraphIndex = SIGNATURE, 0
    signature.inputs = _tensor_maps(graph, graph.inputs, inputs)
    signature.outputs = _tensor_maps(graph, graph.outputs, outputs)
    model.signatureDefs = [signature]
    model.metadata = list(model.metadata or []) + [
        _metadata(model, name, value) for name, value in sorted(metadata.items())
    ]
    model.buffers = [_Aligned(buffer.data, buffer.offset, buffer.size) for buffer in model.buffers]
    builder = flatbuffers.Builder(len(content) + 4096)
    builder.Finish(model.Pack(builder), IDENTIFIER)
    return bytes(builder.Output())


def operators(content: bytes) -> dict[str, int]:
    """How often each operator occurs; those left to TensorFlow are called `Flex...`."""
    model = schema.Model.GetRootAs(content)
    codes = [model.OperatorCodes(i) for i in range(model.OperatorCodesLength())]
    names = [_name(code) for code in codes]
    graphs = [model.Subgraphs(i) for i in range(model.SubgraphsLength())]
    used = [names[g.Operators(i).OpcodeIndex()] for g in graphs for i in range(g.OperatorsLength())]
    return dict(sorted(Counter(used).items()))


def has_quantized(content: bytes) -> bool:
    """Whether any tensor is an integer that stands for a real."""
    model = schema.ModelT.InitFromPackedBuf(content)
    tensors = [tensor for graph in model.subgraphs for tensor in graph.tensors]
    return any(t.quantization is not None and t.quantization.scale is not None for t in tensors)


class _Aligned(schema.BufferT):
    """A buffer whose data begin at a multiple of `ALIGNMENT`, which the Python packer forgets."""

    def Pack(self, builder: flatbuffers.Builder) -> int:
        """Writes it."""
        if self.data is None:
            return int(super().Pack(builder))
        size = len(self.data)
        builder.StartVector(1, size, ALIGNMENT)
        builder.head -= size
        builder.Bytes[builder.head : builder.head + size] = self.data.tobytes()
        data = builder.EndVector()
        schema.BufferStart(builder)
        schema.BufferAddData(builder, data)
        schema.BufferAddOffset(builder, self.offset)
        schema.BufferAddSize(builder, self.size)
        return int(schema.BufferEnd(builder))


def read_ports(path: Path) -> tuple[tuple[Port, ...], tuple[Port, ...]]:
    """Inputs and outputs as the signature tells them, for files that can't be run here."""
    model = schema.ModelT.InitFromPackedBuf(path.read_bytes())
    graph, signature = model.subgraphs[0], model.signatureDefs[0]
    found = []
    for maps, order in ((signature.inputs, graph.inputs), (signature.outputs, graph.outputs)):
        indices = {int(tensor): index for index, tensor in enumerate(order)}
        found.append(tuple(_port(graph, entry, indices[entry.tensorIndex]) for entry in maps))
    return found[0], found[1]


def _port(graph: Any, entry: Any, index: int) -> Port:
    tensor = graph.tensors[entry.tensorIndex]
    sizes = tensor.shape if tensor.shapeSignature is None else tensor.shapeSignature
    name, shape = entry.name.decode(), tuple(int(n) if n >= 0 else None for n in sizes)
    return Port(name, name, index, shape, DTYPES[tensor.type])


def _name(code: Any) -> str:
    if code.CustomCode():
        return str(code.CustomCode().decode())
    return str(BUILTINS[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())])


def _preset(tensor: Any, size: int) -> None:
    if tensor.shapeSignature is not None:
        free = (1, *[size] * (len(tensor.shape) - 1))
        given = zip(tensor.shapeSignature, free, strict=True)
        tensor.shape = np.array([n if n >= 0 else preset for n, preset in given], np.int32)


def _sorted(entries: Sequence[Any]) -> np.ndarray:
    ordered = sorted(entries, key=lambda entry: entry.name)
    return np.array([entry.tensorIndex for entry in ordered], np.int32)


def _tensor_maps(graph: Any, tensors: np.ndarray, names: Sequence[str]) -> list[Any]:
    if len(tensors) != len(names):
        raise ConversionError(
            f"the TFLite converter gave {len(tensors)} ports for the {len(names)} of the model; "
            "make every input take part in an output"
        )
    return [
        _tensor_map(graph, int(tensor), name) for tensor, name in zip(tensors, names, strict=True)
    ]


def _tensor_map(graph: Any, tensor: int, name: str) -> Any:
    entry = schema.TensorMapT()
    entry.name, entry.tensorIndex = name, tensor
    graph.tensors[tensor].name = name
    return entry


def _metadata(model: Any, name: str, value: bytes) -> Any:
    buffer = schema.BufferT()
    buffer.data = np.frombuffer(value, np.uint8)
    model.buffers.append(buffer)
    entry = schema.MetadataT()
    entry.name, entry.buffer = name, len(model.buffers) - 1
    return entry
