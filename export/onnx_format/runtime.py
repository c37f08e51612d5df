"""An ONNX file in ONNX Runtime."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from export.base.artifact import Port
from export.base.runtime import Arrays, dims, to_integers, to_reals


class OnnxRuntime:
    """ONNX Runtime on the CPU.

    Images go in and out with their channels last, as in Keras, also where the file has them first;
    real numbers go in and out also where it has integers for them.
    """

    def __init__(self, path: Path, optimize: bool = True, threads: int | None = None) -> None:
        import onnxruntime as ort
        from onnxruntime.capi import onnxruntime_pybind11_state as state

        ort.disable_telemetry_events()
        options = ort.SessionOptions()
        options.log_severity_level = 4
        options.intra_op_num_threads = threads or 0
        if not optimize:
            options.graph_optimization_level = ort.GraphOptimizationLevel.ORT_DISABLE_ALL
        refusals = (
            *(state.Fail, state.InvalidArgument, state.InvalidGraph, state.InvalidProtobuf),
            *(state.NotImplemented, state.RuntimeException),
        )
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
            given[name] = to_integers(given[name], self._detail(name))
        results = dict(zip(names, self._session.run(names, given), strict=True))
        for name in self._scales.keys() & results.keys():
            results[name] = to_reals(results[name], self._detail(name))
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
        shape = dims(value.shape)
        return (shape[0], *shape[2:], shape[1]) if value.name in self._turned else shape


_DTYPES = {
    "tensor(float)": "float32",
    "tensor(float16)": "float16",
    "tensor(double)": "float64",
    "tensor(bool)": "bool",
    "tensor(string)": "object",
} | {
    f"tensor({sign}int{bits})": f"{sign}int{bits}" for sign in ("", "u") for bits in (8, 16, 32, 64)
}
