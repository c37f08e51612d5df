"""Representative inputs for full int8, from wherever the user has them."""

from dataclasses import dataclass
from typing import Any

import keras
import numpy as np

from export.base.errors import InputError
from export.keras_model.calibration_sources import LIMIT, parts_of
from export.keras_model.training_range import check_range
from export.keras_model.user_inputs import named_inputs

Arrays = dict[str, np.ndarray]
ENOUGH = 20
TESTED, SHARE = 64, 5


@dataclass(frozen=True)
class Calibration:
    """Examples to choose ranges with, and others to test the files with.

    Attributes:
        examples: by input name.
        held_out: the same, not among `examples` unless there are very few.
        warnings: why they may not do.
    """

    examples: Arrays
    held_out: Arrays
    warnings: tuple[str, ...] = ()

    def batches(self, size: int = 1) -> list[Arrays]:
        """The examples in batches; what is left over is dropped.

        Raises:
            InputError: there are fewer than one batch.
        """
        total = _count(self.examples)
        if total < size:
            raise InputError(f"the calibration data hold fewer than {size} examples; give more")
        starts = range(0, total - size + 1, size)
        return [{n: v[at : at + size] for n, v in self.examples.items()} for at in starts]


NO_CALIBRATION = Calibration({}, {})


def calibration_of(
    model: keras.Model, data: Any, trained: keras.Model | None = None
) -> Calibration:
    """At most 512 examples, a fifth of them (at most 64) held out.

    Args:
        model: with known inputs.
        data: an array, a tensor, a sequence of arrays or a dict by input name, with the batch
            first; the path of a `.npy` or `.npz` file, or of a directory of them or of images, see
            `export.keras_model.images`; or a `tf.data.Dataset`, a generator or any iterable of
            batches, or a function that gives one of these. Targets beside the inputs, `(x, y)`,
            are ignored. Values as the model takes them.
        trained: the model with the batch norms of its training, where that is another.

    Raises:
        InputError: no data, they do not fit the model, or are not what it was trained on.
    """
    if data is None:
        raise InputError(
            "int8 needs representative inputs; give some hundred with calibration= (--calibration)"
        )
    parts = [named_inputs(model, part) for part in parts_of(model, data)]
    whole = {name: np.concatenate([part[name] for part in parts])[:LIMIT] for name in parts[0]}
    _refuse_infinite(whole)
    warnings = (*_too_few(whole), *check_range(trained or model, whole))
    total = _count(whole)
    if total < ENOUGH:
        return Calibration(whole, whole, warnings)
    tested = np.arange(total) % SHARE == SHARE - 1
    tested &= np.cumsum(tested) <= TESTED
    return Calibration(
        {name: values[~tested] for name, values in whole.items()},
        {name: values[tested] for name, values in whole.items()},
        warnings,
    )


def _count(examples: Arrays) -> int:
    return len(next(iter(examples.values()), ()))


def _refuse_infinite(examples: Arrays) -> None:
    for name, values in examples.items():
        if values.dtype.kind == "f" and not np.isfinite(values).all():
            wrong = int((~np.isfinite(values)).sum())
            raise InputError(
                f"the calibration data for input {name!r} hold {wrong} numbers that are NaN or "
                "infinite; take these examples out"
            )


def _too_few(examples: Arrays) -> tuple[str, ...]:
    rows = [values.reshape(len(values), -1) for values in examples.values()]
    distinct = len({tuple(row[at].tobytes() for row in rows) for at in range(len(rows[0]))})
    if distinct >= ENOUGH:
        return ()
    return (
        f"the calibration data hold {len(rows[0])} examples, {distinct} of them distinct, and the "
        "files are tested on the same; ranges from so few are guesses, give some hundred",
    )
