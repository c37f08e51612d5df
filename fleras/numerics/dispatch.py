"""Picks the fused kernels where they can be used, plain operations elsewhere."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from fleras.clipping import Limits
from fleras.numerics.axes import Axes
from fleras.numerics.kernels import DTYPES, fused_normalize, fused_renormalize
from fleras.numerics.masking import aligned_mask
from fleras.numerics.renorm import Moments, Reference, plain_normalize, plain_renormalize
from fleras.numerics.replicas import has_replicas, sum_over_replicas
from fleras.numerics.xla import compiled_by_xla


def renormalize(
    x: tf.Tensor,
    axes: Axes,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    reference: Reference,
    limits: Limits,
    epsilon: float,
    mask: Any = None,
    synchronized: bool = False,
) -> tuple[tf.Tensor, Moments]:
    """The training output, and the moments in the shape of the weights."""
    synchronized = synchronized and has_replicas()
    fusible = axes.adjacent and x.dtype in DTYPES
    if fusible and mask is None and not synchronized and not compiled_by_xla():
        y, moments = fused_renormalize(
            axes.fused_view(x),
            axes.vector(gamma),
            axes.vector(beta),
            Reference(*map(axes.vector, reference)),
            limits,
            epsilon,
            axes.data_format,
        )
        y = axes.restored(y, x)
    else:
        y, moments = plain_renormalize(
            tf.cast(x, gamma.dtype),
            axes.spread(gamma),
            axes.spread(beta),
            Reference(*map(axes.spread, reference)),
            limits,
            epsilon,
            axes.reduced,
            None if mask is None else aligned_mask(mask, x),
            sum_over_replicas if synchronized else tf.identity,
        )
        y = tf.cast(y, x.dtype)
    return y, Moments(*map(axes.as_weight, moments))


def normalize(
    x: tf.Tensor,
    axes: Axes,
    gamma: tf.Tensor,
    beta: tf.Tensor,
    mean: tf.Tensor,
    variance: tf.Tensor,
    epsilon: float,
) -> tf.Tensor:
    """The inference output. The kernel is used where converters know it: for [N, H, W, C]."""
    if len(axes.shape) == 4 and axes.kept == (3,) and x.dtype in DTYPES:
        return fused_normalize(x, gamma, beta, mean, variance, epsilon)
    y = plain_normalize(
        tf.cast(x, gamma.dtype),
        axes.spread(gamma),
        axes.spread(beta),
        axes.spread(mean),
        axes.spread(variance),
        epsilon,
    )
    return tf.cast(y, x.dtype)
