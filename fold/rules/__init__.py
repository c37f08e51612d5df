"""What each layer type does to an affine: five tables, filled by one file per family."""

from fold.rules import (
    attention,
    conv,
    dense,
    elementwise,
    merge,
    norm,
    pooling,
    recurrent,
    shape,
    wrappers,
)
from fold.rules.table import Edit, absorb_input, absorb_output, as_affine, pull, push

FAMILIES = (
    attention,
    conv,
    dense,
    elementwise,
    merge,
    norm,
    pooling,
    recurrent,
    shape,
    wrappers,
)

__all__ = ["Edit", "absorb_input", "absorb_output", "as_affine", "pull", "push"]


def known_types() -> frozenset[type]:
    """Every exact layer type that has at least one rule."""
    return frozenset().union(as_affine, absorb_output, absorb_input, pull, push)
