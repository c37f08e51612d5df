"""The schedule that relaxes the clipping of batch renormalization while training."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np

from fleras.clipping import Clipping
from fleras.fused_renorm import BatchNormalization


class RenormClippingSchedule(keras.callbacks.Callback):
    """Starts as batch norm and relaxes the clipping linearly, by default as the paper does.

    Up to step `start`: rmax = 1, dmax = 0, which is batch norm. Then rmax rises to its final value
    at step `rmax_at`, dmax at step `dmax_at`; rmin = 1 / rmax throughout. The step is the
    optimizer's, so a training that resumes continues where it was.

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

    Attributes:
        clipping: the three shared variables, for the layer's `renorm_clipping`.

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
    ) -> None:
        super().__init__()
        if not (rmax >= 1 and dmax >= 0 and 0 <= start <= min(rmax_at, dmax_at)):
            raise ValueError(
                "Expected rmax >= 1, dmax >= 0 and 0 <= start <= rmax_at, dmax_at. Received: "
                f"start={start}, rmax={rmax}, rmax_at={rmax_at}, dmax={dmax}, dmax_at={dmax_at}"
            )
        self.start, self.rmax, self.dmax = start, float(rmax), float(dmax)
        self.rmax_at, self.dmax_at = rmax_at, dmax_at
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
        layers = [x for x in model._flatten_layers() if isinstance(x, BatchNormalization)]
        if not any(self._drives(layer) for layer in layers):
            for layer in layers:
                layer.clipping = Clipping(self.clipping)
            model.train_function = None

    def _drives(self, layer: BatchNormalization) -> bool:
        return layer.clipping is not None and any(
            value is self.clipping.get(name) for name, value in layer.clipping.given.items()
        )

    def on_train_begin(self, logs: dict[str, Any] | None = None) -> None:
        """Sets the limits of the step at which training starts or resumes."""
        self.advance(self._step)

    def on_train_batch_begin(self, batch: int, logs: dict[str, Any] | None = None) -> None:
        """Sets the limits of the coming step."""
        self.advance(self._step)

    def on_epoch_end(self, epoch: int, logs: dict[str, Any] | None = None) -> None:
        """Shows the limits in the logs."""
        if logs is not None:
            logs.update({f"renorm_{k}": float(v.numpy()) for k, v in self.clipping.items()})

    @property
    def _step(self) -> int:
        return int(self.model.optimizer.iterations)
