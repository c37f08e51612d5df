"""What the layer's constructor takes: values that can be meant, and the words of other layers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real
from typing import Any

INSTEAD = {
    "renorm": "it always renormalizes; renorm=True of Keras is renorm_momentum=0.99",
    "fused": "it picks the fused kernels by itself; leave this argument out",
    "virtual_batch_size": "leave it out and split the batch before the layer",
    "adjustment": "leave it out and transform the inputs before the layer",
}


def refuse_foreign(arguments: Mapping[str, Any]) -> None:
    """Raises a TypeError that says what to write for an argument of another batch norm."""
    for name in arguments:
        if name in INSTEAD:
            raise TypeError(f"BatchNormalization has no argument {name}=: {INSTEAD[name]}.")


def axis_of(value: Any) -> int | list[int]:
    """An axis, or a list of axes none of which is there twice."""
    axes = list(value) if isinstance(value, Sequence) and not isinstance(value, str) else [value]
    if not axes or not all(isinstance(a, Integral) and not isinstance(a, bool) for a in axes):
        raise ValueError(f"axis must be an integer or a list of them. Received: axis={value}")
    if len(set(axes)) < len(axes):
        raise ValueError(f"Axis is named twice. Received: axis={value}")
    return [int(a) for a in axes] if isinstance(value, Sequence) else int(value)


def momentum_of(name: str, value: Any) -> float:
    """A momentum: the share of the old statistics that stays, from 0 to 1."""
    return _number(name, value, "a number from 0 to 1", 0, 1)


def epsilon_of(value: Any) -> float:
    """What is added to the variance: finite, not negative."""
    return _number("epsilon", value, "a number of at least 0", 0, 3e38)


def _number(name: str, value: Any, expected: str, least: float, most: float) -> float:
    number = isinstance(value, Real) and not isinstance(value, bool)
    if not (number and least <= value <= most):
        raise ValueError(f"{name} must be {expected}. Received: {name}={value!r}")
    return float(value)


def from_foreign_config(config: Mapping[str, Any]) -> dict[str, Any]:
    """The configuration of this layer, of Keras' or of tf_keras', as arguments of this layer."""
    kept = {name: value for name, value in config.items() if name not in INSTEAD}
    if config.get("virtual_batch_size") or config.get("adjustment"):
        refuse_foreign({name: config[name] for name in config if name not in ("renorm", "fused")})
    if "renorm" in config and not config["renorm"]:
        kept |= {"renorm_clipping": None, "renorm_momentum": None}
    elif config.get("renorm"):
        kept["renorm_momentum"] = config.get("renorm_momentum", 0.99)
    return kept
