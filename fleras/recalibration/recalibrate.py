"""Exact moving statistics from data ("precise batch norm")."""

from __future__ import annotations

from typing import Any

import keras
import numpy as np
from rich.progress import Progress

from fleras.recalibration.data import Batches
from fleras.recalibration.observed_graph import Recordings, batch_norms
from fleras.recalibration.population import Population


def recalibrate(
    model: keras.Model,
    data: Any,
    steps: int | None = None,
    *,
    batch_size: int = 32,
    verbose: bool = True,
) -> None:
    """Sets the moving mean and variance of every batch norm to those of the data.

    Each batch norm gets the population mean and variance of what it sees in inference when the
    batch norms before it have theirs, pooled over all its calls. So the batch norms that do not
    depend on each other share a pass over the data, and each pass runs the model only up to them.
    Masked positions do not count. Statistics for renormalization in training are set as well.

    Args:
        model: a model with batch norms of Keras or of this package, nested ones included.
        data: what `fit` takes. Arrays of all inputs, alone or as a tuple (inputs, targets, sample
            weights), or batches: a `tf.data.Dataset`, a `PyDataset`, a list or another iterable
            whose elements are inputs or such tuples. Targets and sample weights are not used. It
            is read once per pass, so it must give the same elements each time.
        steps: number of batches to read; None reads all.
        batch_size: size of the batches when the data are arrays.
        verbose: whether to show a progress bar.

    Raises:
        ValueError: the data are empty, can be read only once or give statistics that are not
            finite, or a batch norm's input depends on its own output. After any failure the model
            is as it was before.
    """
    known = getattr(model, "inputs", None)
    batches = Batches.of(data, steps, batch_size, known and len(known))
    first = next(iter(batches), None)
    if first is None:
        raise ValueError(f"data must hold at least one batch. Received: {data}")
    if not model.built:
        model(first, training=False)
    before = [(layer, layer.get_weights()) for layer in batch_norms(model)]
    try:
        _recalibrate(model, batches, first, verbose)
    except BaseException:
        for layer, weights in before:
            layer.set_weights(weights)
        raise


def _recalibrate(model: keras.Model, batches: Batches, first: Any, verbose: bool) -> None:
    recordings = Recordings(model)
    levels = len(recordings.of(first).levels)
    total = batches.length and batches.length * levels
    with Progress(disable=not verbose) as progress:
        bar = progress.add_task("Recalibrating", total=total)
        for level in range(levels):
            seen: dict[keras.layers.Layer, Population] = {}
            for batch in batches:
                for layer, sums in recordings.of(batch).sums(level, batch):
                    part = Population(*sums)
                    seen[layer] = seen[layer] + part if layer in seen else part
                progress.advance(bar)
            for layer, population in seen.items():
                _assign(layer, population)


def _assign(layer: keras.layers.Layer, population: Population) -> None:
    some = population.count > 0
    mean = np.where(some, population.mean, layer.moving_mean.numpy())
    variance = np.where(some, population.variance, layer.moving_variance.numpy())
    if not (np.isfinite(mean).all() and np.isfinite(variance).all()):
        raise ValueError(f"data give statistics that are not finite at batch norm '{layer.name}'.")
    layer.moving_mean.assign(mean)
    layer.moving_variance.assign(variance)
    if getattr(layer, "renorm_mean", None) is not None:
        stddev = np.sqrt(variance + layer.epsilon)
        layer.renorm_mean.assign(mean)
        layer.renorm_stddev.assign(stddev)
        layer.moving_stddev.assign(stddev)
