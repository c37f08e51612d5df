"""Batch statistics against float64, by both ways to take them."""

import numpy as np
import pytest
import tensorflow as tf

from fleras.numerics import batch_moments

SHAPES = [
    ((6, 5, 7, 3), "NHWC"),
    ((40, 1, 1, 3), "NHWC"),
    ((2, 3, 4, 5, 6), "NDHWC"),
    ((4, 3, 5, 6), "NCHW"),
    ((2, 3, 2, 4, 5), "NCDHW"),
]
WAYS = {"sums": batch_moments._of_sums, "kernel": batch_moments._of_kernel}
MEANS = (0.0, -1.5, 4.7, 5.1, 40.0)


def expected(x, data_format):
    axes = tuple(axis for axis, name in enumerate(data_format) if name != "C")
    return x.astype(float).mean(axes), x.astype(float).var(axes)


def taken(way, x, data_format, unknown=False):
    signature = [tf.TensorSpec([None] * x.ndim if unknown else x.shape, x.dtype)]
    axis = data_format.index("C")

    @tf.function(input_signature=signature)
    def run(x):
        shape = [None] * x.shape.rank
        shape[axis] = channels
        return WAYS[way](tf.ensure_shape(x, shape) if unknown else x, 1e-3, data_format)

    channels = x.shape[axis]
    return run(x)


@pytest.mark.parametrize("unknown", [False, True])
@pytest.mark.parametrize("mean", MEANS)
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize(("shape", "data_format"), SHAPES, ids=str)
def test_moments(shape, data_format, way, mean, unknown):
    x = (np.random.default_rng(0).normal(size=shape) + mean).astype("float32")
    (shift, rest, variance, count), _ = taken(way, x, data_format, unknown)
    want_mean, want_variance = expected(x, data_format)
    np.testing.assert_allclose(shift + rest, want_mean, rtol=2e-6, atol=1e-6)
    np.testing.assert_allclose(variance, want_variance, rtol=3e-5)
    assert count == x.size / want_mean.size


@pytest.mark.parametrize("factor", [0.97, 1.03], ids=["read once", "read twice"])
@pytest.mark.parametrize(
    ("shape", "data_format"),
    [*SHAPES, ((16, 24, 24, 32), "NHWC"), ((4096, 1, 1, 8), "NHWC"), ((32, 112, 112, 2), "NHWC")],
    ids=str,
)
def test_the_variance_is_as_good_as_stated_where_the_second_reading_begins(
    shape, data_format, factor
):
    count = np.prod(shape) / shape[data_format.index("C")]
    rounding = batch_moments._rounding(tf.constant(count, "float32")).numpy()
    mean = factor * np.sqrt(batch_moments.LARGEST_ERROR / rounding)
    x = (np.random.default_rng(7).normal(size=shape) + mean).astype("float32")
    (_, _, variance, _), _ = taken("sums", x, data_format)
    want = expected(x, data_format)[1]
    np.testing.assert_allclose(variance, want, rtol=batch_moments.LARGEST_ERROR)


@pytest.mark.parametrize("mean", [100, 1e4, -1e4])
@pytest.mark.parametrize(("shape", "data_format"), SHAPES, ids=str)
def test_sums_where_the_mean_is_large(shape, data_format, mean):
    x = (np.random.default_rng(1).normal(size=shape) + mean).astype("float32")
    (shift, rest, variance, _), _ = taken("sums", x, data_format)
    want_mean, want_variance = expected(x, data_format)
    got = shift.numpy().astype(float) + rest.numpy()
    np.testing.assert_allclose(got, want_mean, rtol=1e-9)
    np.testing.assert_allclose(variance, want_variance, rtol=1e-5)


def test_one_channel_with_a_large_mean_is_enough():
    x = np.random.default_rng(2).normal(size=(64, 5, 5, 3)).astype("float32")
    x[..., 1] += 1e4
    _, want = expected(x, "NHWC")
    (_, _, variance, _), _ = taken("sums", x, "NHWC")
    np.testing.assert_allclose(variance, want, rtol=1e-5)


@pytest.mark.parametrize("value", [0.0, 1e-20, 7.25, 1e18])
@pytest.mark.parametrize("way", WAYS)
def test_constant_inputs_have_no_variance(way, value):
    (shift, rest, variance, _), _ = taken(way, np.full((4, 3, 3, 2), value, "float32"), "NHWC")
    np.testing.assert_allclose(shift + rest, value, rtol=1e-6)
    np.testing.assert_allclose(variance, 0, atol=1e-12 * value**2)


def test_values_whose_squares_overflow():
    x = (np.random.default_rng(3).normal(size=(8, 2, 2, 3)) + 1e4).astype("float32") * 1e16
    (_, _, variance, _), _ = taken("sums", x, "NHWC")
    np.testing.assert_allclose(variance, expected(x, "NHWC")[1], rtol=1e-5)


@pytest.mark.parametrize(("shape", "data_format"), SHAPES, ids=str)
def test_both_ways_give_the_gradient_kernel_the_same(shape, data_format):
    x = np.random.default_rng(4).normal(size=shape).astype("float32")
    dy = np.random.default_rng(5).normal(size=shape).astype("float32")
    results = []
    for way in WAYS.values():
        reserves = way(tf.constant(x), 1e-3, data_format).reserves
        results.append(
            tf.raw_ops.FusedBatchNormGradV3(
                y_backprop=dy,
                x=x,
                scale=tf.ones_like(reserves[0]),
                reserve_space_1=reserves[0],
                reserve_space_2=reserves[1],
                reserve_space_3=reserves[2],
                epsilon=1e-3,
                data_format=data_format,
            )[:3]
        )
    for ours, kernels in zip(*results, strict=True):
        np.testing.assert_allclose(ours, kernels, atol=1e-5)
