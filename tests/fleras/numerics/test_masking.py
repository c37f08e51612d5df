"""Masks at the rank of the inputs."""

import numpy as np
import pytest
import tensorflow as tf

from fleras.numerics.masking import aligned_mask


@pytest.mark.parametrize(
    ("mask_shape", "expected"),
    [
        ((4,), (4, 1, 1)),
        ((4, 5), (4, 5, 1)),
        ((1, 5), (1, 5, 1)),
        ((4, 5, 3), (4, 5, 3)),
        ((1, 5, 1), (1, 5, 1)),
        ((5, 3), (5, 3)),
        ((3,), (3,)),
        ((), (1, 1, 1)),
    ],
)
@pytest.mark.parametrize("dtype", ["bool", "float32", "int32"])
def test_leading_axes_first_then_trailing_ones(mask_shape, expected, dtype):
    mask = np.random.default_rng(0).integers(0, 2, mask_shape).astype(dtype)
    got = aligned_mask(mask, tf.zeros((4, 5, 3)))
    assert got.shape == expected and got.dtype == tf.bool
    np.testing.assert_array_equal(np.ravel(got), mask.astype(bool).ravel())


@pytest.mark.parametrize("mask_shape", [(2, 5), (4, 5, 3, 1), (4, 5, 2)])
def test_masks_that_do_not_fit_are_shown(mask_shape):
    with pytest.raises(ValueError, match=r"mask\.shape=\("):
        aligned_mask(tf.ones(mask_shape), tf.zeros((4, 5, 3)))
