"""What each layer type does to an affine: five tables, filled by one file per family.

A family registers its rules when it is imported, so a new one is added to the list of imports.
"""

from fold.rules import (  # noqa: F401
    affines,
    attention,
    conv,
    dense,
    einsum,
    elementwise,
    merge,
    pooling,
    recurrent,
    shape,
    wrappers,
)
from fold.rules.table import Edit, absorb_input, absorb_output, as_affine, pull, push

__all__ = ["Edit", "absorb_input", "absorb_output", "as_affine", "pull", "push"]


def known_types() -> frozenset[type]:
    """Every exact layer type that has at least one rule."""
    return frozenset().union(as_affine, absorb_output, absorb_input, pull, push)
