"""A TFLite file in the LiteRT interpreter."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from export.base.artifact import Port
from export.base.runtime import Arrays, dims, is_quantized, to_integers, to_reals


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
        values = {name: to_integers(value, details[name]) for name, value in feeds.items()}
        given = self._runner.get_output_details()
        return {n: to_reals(v, given[n]) for n, v in self._runner(**values).items()}

    @staticmethod
    def _ports(signature: dict[str, Any], file: list[Any]) -> tuple[Port, ...]:
        position = {detail["index"]: index for index, detail in enumerate(file)}
        ports = [
            Port(
                name,
                name,
                position[detail["index"]],
                dims(detail["shape_signature"]),
                "float32" if is_quantized(detail) else np.dtype(detail["dtype"]).name,
            )
            for name, detail in signature.items()
        ]
        return tuple(sorted(ports, key=lambda port: port.index))
