"""Opens an artefact in the runtime of its format: arrays by name in, arrays by name out."""

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from export.base.artifact import Port
from export.base.error_text import sentence
from export.base.errors import ConversionError, InputError

Arrays = dict[str, np.ndarray]
UNLINKED = "Select TensorFlow op"


class Runtime(Protocol):
    """A loaded artefact."""

    inputs: tuple[Port, ...]
    outputs: tuple[Port, ...]

    def __call__(self, feeds: Mapping[str, np.ndarray]) -> Arrays:
        """Runs one batch; arrays by the names of `inputs`, results by those of `outputs`."""


def open_artifact(path: str | Path, optimize: bool = True, threads: int | None = None) -> Runtime:
    """Loads a file in the runtime of its suffix.

    Args:
        path: an `.onnx` or `.tflite` file.
        optimize: False switches off ONNX Runtime's graph optimisations, and the delegate that
            LiteRT applies by itself.
        threads: per operator; None leaves it to the runtime.

    Raises:
        InputError: neither suffix, or no such file.
        ConversionError: the runtime refuses the file.
    """
    path = Path(path)
    opener = _OPENERS.get(path.suffix)
    if opener is None:
        raise InputError(f"{path.name} is neither .onnx nor .tflite; give one of these")
    if not path.is_file():
        raise InputError(f"there is no file {path}; check the name")
    try:
        return opener(path, optimize, threads)
    except (RuntimeError, ValueError) as error:
        remedy = "replace the layer or choose another format"
        if UNLINKED in str(error):
            remedy = "try it where LiteRT has the Flex delegate"
        raise ConversionError(
            f"the runtime refuses {path.name}: {sentence(str(error))}; {remedy}"
        ) from error


def examine(
    path: str | Path, batches: list[Arrays]
) -> tuple[tuple[Port, ...], tuple[Port, ...], list[Arrays]]:
    """Loads a file and runs it on several batches: its inputs, its outputs, the results."""
    runtime = open_artifact(path)
    return runtime.inputs, runtime.outputs, [runtime(feeds) for feeds in batches]


class OnnxRuntime:
    """ONNX Runtime on the CPU.

    Images go in and out with their channels last, as in Keras, also where the file has them first;
    real numbers go in and out also where it has integers for them.
    """

    def __init__(self, path: Path, optimize: bool = True, threads: int | None = None) -> None:
        import onnxruntime as ort
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads or 0
        if not optimize:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        refusals = (state.Fail, state.InvalidGraph, state.InvalidProtobuf, state.NotImplemented)
        try:
            self._session = ort.InferenceSession(path, options, ["CPUExecutionProvider"])
        except refusals as error:
            raise RuntimeError(str(error)) from error
        entries = self._session.get_modelmeta().custom_metadata_map
        self._turned = set(json.loads(entries.get("channels_first", "[]")))
        self._scales = json.loads(entries.get("quantized_ports", "{}"))
        self.inputs = self._ports(self._session.get_inputs())
        self.outputs = self._ports(self._session.get_outputs())

    def __call__(self, feeds: Mapping[str, np.ndarray]) -> Arrays:
        """Runs one batch."""
        names = [port.name for port in self.outputs]
        given = {
            name: np.moveaxis(value, -1, 1) if name in self._turned else value
            for name, value in feeds.items()
        }
        for name in self._scales.keys() & given.keys():
            given[name] = _to_integers(given[name], self._detail(name))
        results = dict(zip(names, self._session.run(names, given), strict=True))
        for name in self._scales.keys() & results.keys():
            results[name] = _to_reals(results[name], self._detail(name))
        for name in self._turned & results.keys():
            results[name] = np.moveaxis(results[name], 1, -1)
        return results

    def _ports(self, values: Any) -> tuple[Port, ...]:
        return tuple(
            Port(value.name, value.name, index, self._shape(value), self._dtype(value))
            for index, value in enumerate(values)
        )

    def _dtype(self, value: Any) -> str:
        return "float32" if value.name in self._scales else _DTYPES[value.type]

    def _detail(self, name: str) -> dict[str, Any]:
        return {"quantization": self._scales[name], "dtype": np.int8}

    def _shape(self, value: Any) -> tuple[int | None, ...]:
        shape = _dims(value.shape)
        return (shape[0], *shape[2:], shape[1]) if value.name in self._turned else shape


class LiteRuntime:
    """The LiteRT interpreter, through the file's first signature.

    It has one input shape at a time and is told the new one when a batch comes. Where the file
    takes or gives int8 for what is real, values are converted on the way: float32 goes in and out.
    """

    def __init__(self, path: Path, optimize: bool = True, threads: int | None = None) -> None:
        from ai_edge_litert.interpreter import Interpreter, OpResolverType

        plain = OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES
        resolver = OpResolverType.AUTO if optimize else plain
        self._interpreter = Interpreter(
            model_path=str(path), num_threads=threads, experimental_op_resolver_type=resolver
        )
        self._interpreter.allocate_tensors()
        signatures = list(self._interpreter.get_signature_list())
        if not signatures:
            raise ValueError("the file has no signature")
        self._runner = self._interpreter.get_signature_runner(signatures[0])
        self.inputs = self._ports(
            self._runner.get_input_details(), self._interpreter.get_input_details()
        )
        self.outputs = self._ports(
            self._runner.get_output_details(), self._interpreter.get_output_details()
        )

    def __call__(self, feeds: Mapping[str, np.ndarray]) -> Arrays:
        """Runs one batch."""
        details = self._runner.get_input_details()
        values = {name: _to_integers(value, details[name]) for name, value in feeds.items()}
        given = self._runner.get_output_details()
        return {n: _to_reals(v, given[n]) for n, v in self._runner(**values).items()}

    @staticmethod
    def _ports(signature: dict[str, Any], file: list[Any]) -> tuple[Port, ...]:
        position = {detail["index"]: place for place, detail in enumerate(file)}
        ports = [
            Port(
                name,
                name,
                position[detail["index"]],
                _dims(detail["shape_signature"]),
                "float32" if _is_quantized(detail) else np.dtype(detail["dtype"]).name,
            )
            for name, detail in signature.items()
        ]
        return tuple(sorted(ports, key=lambda port: port.index))


def _dims(shape: Any) -> tuple[int | None, ...]:
    known = (int(size) if not isinstance(size, str | type(None)) else -1 for size in shape)
    return tuple(size if size >= 0 else None for size in known)


def _is_quantized(detail: dict[str, Any]) -> bool:
    return bool(detail["quantization"][0]) and np.dtype(detail["dtype"]).kind in "iu"


def _to_integers(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    if not _is_quantized(detail):
        return value
    (scale, zero), limits = detail["quantization"], np.iinfo(detail["dtype"])
    levels = np.round(value / scale) + zero
    return np.clip(levels, limits.min, limits.max).astype(detail["dtype"])


def _to_reals(value: np.ndarray, detail: dict[str, Any]) -> np.ndarray:
    if not _is_quantized(detail):
        return value
    scale, zero = detail["quantization"]
    return ((value.astype(np.float32) - zero) * scale).astype(np.float32)


_OPENERS: dict[str, Callable[..., Runtime]] = {".onnx": OnnxRuntime, ".tflite": LiteRuntime}

_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
} | {
    f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
