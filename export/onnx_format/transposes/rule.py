"""What a rule is, and what rules are made of; the families are in `rules_*`.

A rule is `rule(mover, node, perm)`: some input of `node` is a transpose by `perm`. It answers with
the node that reads what was transposed and how the old results follow from the new, or with None.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import onnx

Perm = tuple[int, ...]


@dataclass(frozen=True)
class Sunk:
    """Nodes above the transpose; for each old result, the new tensor and its permutation."""

    nodes: list[onnx.NodeProto]
    results: dict[str, tuple[str, Perm]]


Rule = Callable[[Any, onnx.NodeProto, Perm], Sunk | None]


def invert(perm: Perm) -> Perm:
    """The permutation that undoes `perm`."""
    return tuple(int(i) for i in np.argsort(perm))


def untransposed(name: str) -> str:
    """What the tensor above the transpose is called."""
    return f"{name}/above"


def sunk(node: onnx.NodeProto, inputs: Sequence[str], perm: Perm) -> Sunk:
    """`node` reading `inputs`; every result of it is transposed by `perm` afterwards."""
    moved = onnx.NodeProto()
    moved.CopyFrom(node)
    moved.input[:] = inputs
    moved.output[:] = [untransposed(name) for name in node.output]
    return Sunk([moved], {name: (untransposed(name), perm) for name in node.output})


def constant_of(mover: Any, node: onnx.NodeProto, index: int) -> np.ndarray | None:
    """The value of input `index`, when it is constant."""
    return mover.graph.constants.get(node.input[index]) if len(node.input) > index else None


def set_attributes(node: onnx.NodeProto, **values: Any) -> None:
    """Gives a node these attributes in place of those it has."""
    kept = [a for a in node.attribute if a.name not in values]
    del node.attribute[:]
    node.attribute.extend(kept)
    node.attribute.extend(onnx.helper.make_attribute(k, v) for k, v in values.items())
