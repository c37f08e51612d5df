"""Several runs of a file as one, where noise is judged over all examples together."""

from collections.abc import Iterable

import numpy as np

from export.verification.reference import Arrays, Case

Pair = tuple[Case, Arrays]


def pool(pairs: Iterable[Pair]) -> list[Pair]:
    """The cases whose outputs have the same shape but for the batch, joined.

    A result that does not have the shape of the truth stays alone: that is to be seen.
    """
    alone: list[Pair] = []
    groups: dict[tuple[object, ...], list[Pair]] = {}
    for case, result in pairs:
        if _fits(case, result):
            key = tuple((name, value.shape[1:]) for name, value in case.truth.items())
            groups.setdefault(key, []).append((case, result))
        else:
            alone.append((case, result))
    return [_joined(group) for group in groups.values()] + alone


def _fits(case: Case, result: Arrays) -> bool:
    return case.truth.keys() == result.keys() and all(
        value.shape == result[name].shape and value.ndim for name, value in case.truth.items()
    )


def _joined(group: list[Pair]) -> Pair:
    cases = [case for case, _ in group]
    labels = tuple(label for case in cases for label in case.labels)
    parts = [
        _concatenated([getattr(case, part) for case in cases]) for part in ("truth", "original")
    ]
    return Case(labels, {}, *parts), _concatenated([result for _, result in group])


def _concatenated(arrays: list[Arrays]) -> Arrays:
    return {name: np.concatenate([each[name] for each in arrays]) for name in arrays[0]}
