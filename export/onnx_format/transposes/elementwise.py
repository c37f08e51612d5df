"""Rules for operators that treat all elements alike."""

from typing import Any

import onnx

from export.onnx_format.transposes.rule import Perm, Rule, Sunk, sunk


def _unary(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    return sunk(node, [mover.origin[node.input[0]][0], *node.input[1:]], perm)


def _nary(mover: Any, node: onnx.NodeProto, perm: Perm) -> Sunk | None:
    inputs = [mover.transposed(name, perm) for name in node.input]
    return None if None in inputs else sunk(node, inputs, perm)


UNARY = [
    "Abs",
    "Cast",
    "Ceil",
    "Clip",
    "Dropout",
    "Elu",
    "Erf",
    "Exp",
    "Floor",
    "HardSigmoid",
    "HardSwish",
    "Identity",
    "LeakyRelu",
    "Log",
    "Mish",
    "Neg",
    "Not",
    "Reciprocal",
    "Relu",
    "Round",
    "Selu",
    "Sigmoid",
    "Sign",
    "Softplus",
    "Softsign",
    "Sqrt",
    "Tanh",
]
NARY = [
    "Add",
    "And",
    "Div",
    "Equal",
    "Greater",
    "GreaterOrEqual",
    "Less",
    "LessOrEqual",
    "Max",
    "Mean",
    "Min",
    "Mod",
    "Mul",
    "Or",
    "PRelu",
    "Pow",
    "Sub",
    "Sum",
    "Where",
    "Xor",
]
RULES: dict[str, Rule] = {**dict.fromkeys(UNARY, _unary), **dict.fromkeys(NARY, _nary)}
