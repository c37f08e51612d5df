"""The sizes at which a model is tried where it leaves dimensions open."""

from collections.abc import Iterable

import keras
import numpy as np

from export.base.errors import InputError
from export.base.runtime import Arrays
from export.keras_model.ports import inputs
from export.keras_model.random_inputs import draw
from export.keras_model.run import run_model
from fold.keras_graph.internals import all_layers

SIZES = (32, 64, 128, 224, 16, 8)
DIVISORS = (2, 3, 5, 7)
STEPS = (1, 2, 4, 8, 16)
MOST = 5
ELEMENTS = 1 << 16
"""Of one channel; a volume of 128 pixels a side would take gigabytes."""
SEED = 7
Trait = tuple[int, int]


def size_in(model: keras.Model, feeds: Arrays) -> int:
    """The size that these inputs have where the model leaves it open; any where it leaves none."""
    shapes = [values.shape for values in feeds.values()]
    for port, shape in zip(inputs(model), shapes, strict=True):
        for known, size in zip(port.shape[1:], shape[1:], strict=True):
            if known is None:
                return int(size)
    return SIZES[0]


def open_sizes(model: keras.Model) -> tuple[int, ...]:
    """The smallest usual size that runs, its double, and others that meet every rounding.

    Windows, strides and resizing round at sizes that are no multiples of each other, so that a file
    can be right at all powers of two and wrong elsewhere. Each further size that the model takes
    leaves a remainder that none before it left, modulo small primes and the model's own strides, or
    is one at which the coordinates of a resize round apart in float32.

    Raises:
        InputError: the model runs at none of `SIZES`.
    """
    if all(None not in port.shape[1:] for port in inputs(model)):
        return SIZES[:1]
    least = _smallest(model)
    step = next((step for step in STEPS if _runs(model, least + step)), least)
    largest = max(int(ELEMENTS ** (1 / _open_axes(model))), least + step)
    candidates = [2 * least, *range(least + step, 4 * least, step)]
    further = _spread(model, least, [size for size in candidates if size <= largest])
    return (least, *(size for size in further if _runs(model, size)))


def _smallest(model: keras.Model) -> int:
    for size in SIZES:
        if _runs(model, size):
            return size
    raise InputError(f"the model runs at none of the sizes {SIZES}; give its input a fixed shape")


def _open_axes(model: keras.Model) -> int:
    return max(port.shape[1:].count(None) for port in inputs(model))


def _spread(model: keras.Model, least: int, candidates: list[int]) -> list[int]:
    """Few of the candidates that show all traits that any of them has; the first is always one."""
    divisors = sorted({*DIVISORS, *_strides(model)})
    targets = sorted(_targets(model))
    seen = _traits(least, divisors, targets)
    chosen: list[int] = []
    for _ in range(MOST):
        new = {size: _traits(size, divisors, targets) - seen for size in candidates}
        best = candidates[0] if not chosen else max(candidates, key=lambda size: len(new[size]))
        if not new[best]:
            break
        chosen.append(best)
        seen |= new[best]
    return chosen


def _traits(size: int, divisors: Iterable[int], targets: Iterable[int]) -> set[Trait]:
    """What may make a size special: its remainders at the edges, and coordinates that round."""
    edges = {(divisor, size % divisor) for divisor in divisors}
    return {
        *(trait for trait in edges if trait[1] in (0, 1, trait[0] - 1)),
        *((-target, 0) for target in targets if _rounds_apart(size, target)),
    }


def _rounds_apart(size: int, target: int) -> bool:
    """Whether float32 takes another nearest pixel than exact numbers do, somewhere in the result.

    At the corner of a pixel and at its center: the two ways in which resizing takes coordinates.
    """
    at, scale = np.arange(target), np.float32(size) / np.float32(target)
    corners = np.floor(at.astype(np.float32) * scale) != at * size // target
    half = np.floor((at.astype(np.float32) + np.float32(0.5)) * scale)
    return bool(corners.any() or (half != (2 * at + 1) * size // (2 * target)).any())


def _strides(model: keras.Model) -> set[int]:
    found = [
        getattr(part, name, ())
        for part in all_layers(model)
        for name in ("strides", "pool_size", "size")
    ]
    return {n for n in keras.tree.flatten(found) if isinstance(n, int) and 1 < n < 12}


def _targets(model: keras.Model) -> set[int]:
    """Sizes that images are resized to, whatever they were."""
    parts = (part for part in all_layers(model) if isinstance(part, keras.layers.Resizing))
    return {size for part in parts for size in (part.height, part.width)}


def _runs(model: keras.Model, size: int) -> bool:
    try:
        return bool(run_model(model, draw(model, ("normal",), SEED, size)))
    except Exception:
        return False
