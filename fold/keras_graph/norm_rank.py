"""The number of axes that a built batch norm takes."""

import keras


def take_rank(layer: keras.layers.BatchNormalization, rank: int) -> None:
    """Lets a batch norm that a TimeDistributed applied to each step take all steps at once."""
    if layer.input_spec is not None and layer.input_spec.ndim != rank:
        layer.axis, layer._reduction_axes = -1, list(range(rank - 1))
        layer.input_spec = keras.InputSpec(ndim=rank, axes={-1: layer.moving_mean.shape[0]})
