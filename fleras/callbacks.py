"""The schedule that relaxes the clipping of batch renormalization while training."""

from __future__ import annotations

import warnings
from typing import Any

import keras
import numpy as np

from fleras.clipped_layers import (
    LEAST,
    calls_of,
    loosest_limits,
    not_driven,
    reads,
    renorm_layers,
)
from fleras.clipping import Clipping
from fleras.fused_renorm import BatchNormalization


class RenormClippingSchedule(keras.callbacks.Callback):
    """Starts as batch norm and relaxes the clipping linearly, by default as the paper does.

    Up to step `start`: rmax = 1, dmax = 0, which is batch norm. Then rmax rises to its final value
    at step `rmax_at`, dmax at step `dmax_at`; rmin = 1 / rmax throughout. A step is one training
    step of `fit`, whatever optimizers the model has. A training that resumes continues at the step
    of the saved optimizer; the same schedule goes on where it was when the model is compiled again.

        schedule = RenormClippingSchedule()
        model.fit(x, y, callbacks=[schedule])

    The callback drives the layers made with `renorm_clipping=schedule.clipping`. If the model has
    none (for example because it was loaded from a file), it drives every
    `fleras.BatchNormalization` of the model.

    Args:
        start: the last step that trains as batch norm.
        rmax: final value of rmax, at least 1.
        rmax_at: the step at which rmax is reached.
        dmax: final value of dmax, at least 0.
        dmax_at: the step at which dmax is reached.
        keep: whether limits that layers have already when training begins are the least that
            they get, as in the second phase of a training.

    Attributes:
        clipping: the three shared variables, for the layer's `renorm_clipping`.
        step: the number of training steps so far.

    Warns:
        UserWarning: the schedule drives no layer or not all of them, or goes back to tighter limits
            than layers have. To have its columns in a CSV file, list it before `CSVLogger`.

    Reference:
        Ioffe (arXiv:1702.03275), section 4.1; the defaults are those of its baseline.
    """

    def __init__(
        self,
        start: int = 5_000,
        rmax: float = 3.0,
        rmax_at: int = 40_000,
        dmax: float = 5.0,
        dmax_at: int = 25_000,
        *,
        keep: bool = False,
    ) -> None:
        super().__init__()
        if not (rmax >= 1 and dmax >= 0 and 0 <= start <= min(rmax_at, dmax_at)):
            raise ValueError(
                "Expected rmax >= 1, dmax >= 0 and 0 <= start <= rmax_at, dmax_at. Received: "
                f"start={start}, rmax={rmax}, rmax_at={rmax_at}, dmax={dmax}, dmax_at={dmax_at}"
            )
        self.start, self.rmax, self.dmax = start, float(rmax), float(dmax)
        self.rmax_at, self.dmax_at = rmax_at, dmax_at
        self.keep, self.step = keep, 0
        self._counted: list[BatchNormalization] = []
        self._kept: dict[str, float] = {}
        self._least = dict(LEAST)
        self._first, self._checked = 0, False
        self.clipping = {
            name: keras.Variable(value, trainable=False, autocast=False, name=f"renorm_{name}")
            for name, value in self.values(0).items()
        }

    def values(self, step: int) -> dict[str, float]:
        """The limits that hold in the given step, counted from 0."""
        rmax = float(np.interp(step, [self.start, self.rmax_at], [1.0, self.rmax]))
        dmax = float(np.interp(step, [self.start, self.dmax_at], [0.0, self.dmax]))
        return {"rmax": rmax, "rmin": 1 / rmax, "dmax": dmax}

    def advance(self, step: int) -> None:
        """Sets the variables to the limits of the given step, as custom training loops do."""
        for name, value in self.values(step).items():
            self.clipping[name].assign(value)

    def set_model(self, model: keras.Model) -> None:
        """Takes over the model's layers if none of them reads these variables yet."""
        super().set_model(model)
        self._take_over()

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Finds the step at which training starts or resumes, and sets its limits."""
        self._checked = False
        driven = self._layers()
        if not any(layer in self._counted for layer in driven):
            self.step = 0
        self._counted = driven or self._counted
        self._resume()
        kept = self._kept if self.keep else {}
        self._least = {name: kept.get(name, least) for name, least in LEAST.items()}
        if not self.keep:
            self._warn_of_return()

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the limits of the coming step."""
        if not self._checked:
            self._resume()
        self._first = batch
        self._set(self.step)

    def on_train_batch_end(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Counts the steps of this call: several with `steps_per_execution`."""
        last = min(batch, ((self.params or {}).get("steps") or batch + 1) - 1)
        self.step += max(last - self._first, 0) + 1
        if not self._checked:
            self._checked = True
            self._check()

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Shows the limits in the logs, where they hold for any layer."""
        if logs is not None and self._layers():
            values = Clipping(self.clipping).numbers()
            logs.update({f"renorm_{name}": value for name, value in values.items()})

    def _resume(self) -> None:
        self.step = max(self.step, calls_of(getattr(self.model, "optimizer", None)))
        self._set(self.step)

    def _set(self, step: int) -> None:
        values = self.values(step)
        rmax, dmax = (max(values[name], self._least[name]) for name in LEAST)
        for name, value in {"rmax": rmax, "rmin": 1 / rmax, "dmax": dmax}.items():
            self.clipping[name].assign(value)

    def drive(self, model: keras.Model) -> None:
        """Takes over every `fleras.BatchNormalization` of the model, whatever clips it now."""
        for layer in renorm_layers(model):
            layer.clipping = Clipping(self.clipping)
        model.train_function = None

    def _take_over(self) -> None:
        layers = renorm_layers(self.model)
        if layers and not self._layers():
            self._kept = loosest_limits(layers)
            self.drive(self.model)

    def _layers(self) -> list[BatchNormalization]:
        return [layer for layer in renorm_layers(self.model) if reads(layer, self.clipping)]

    def _warn_of_return(self) -> None:
        now = self.values(self.step)
        if any(self._kept.get(name, 0) > now[name] + 1e-6 for name in LEAST):
            warnings.warn(
                f"The clipping of model '{self.model.name}' goes back from {self._kept} to "
                f"{now} of step {self.step}. RenormClippingSchedule(..., keep=True) goes on from "
                "there.",
                stacklevel=2,
            )

    def _check(self) -> None:
        """Takes over layers that came with the first step; then says what is not driven."""
        if not self._layers() and renorm_layers(self.model):
            self._take_over()
            self.model.make_train_function(force=True)
        missed = not_driven(self.model, self._layers())
        if missed:
            warnings.warn(missed, stacklevel=2)
