"""Axes: shapes of weights, and the view that the fused kernels get and give back."""

import numpy as np
import pytest
import tensorflow as tf

from fleras.numerics.axes import Axes


@pytest.mark.parametrize(
    ("axis", "shape", "weight", "view", "data_format"),
    [
        (-1, (6, 5), [5], (6, 1, 1, 5), "NHWC"),
        (1, (6, 5, 3), [5], (6, 5, 3, 1), "NCHW"),
        (-1, (6, 5, 3, 2), [2], (6, 5, 3, 2), "NHWC"),
        (1, (6, 5, 3, 2), [5], (6, 5, 3, 2), "NCHW"),
        (2, (6, 5, 3, 2), [3], (30, 3, 2, 1), "NCHW"),
        (1, (2, 5, 3, 2, 4), [5], (2, 5, 3, 2, 4), "NCDHW"),
        (-1, (2, 5, 3, 2, 4), [4], (2, 5, 3, 2, 4), "NDHWC"),
        ([2, 3], (6, 5, 3, 2), [1, 1, 3, 2], (30, 1, 1, 6), "NHWC"),
        ([1, 2], (6, 5, 3, 2), [1, 5, 3, 1], (6, 15, 2, 1), "NCHW"),
    ],
)
@pytest.mark.parametrize("known", [True, False])
def test_views(axis, shape, weight, view, data_format, known):
    kept = [a % len(shape) for a in ([axis] if isinstance(axis, int) else axis)]
    static = [n if known or a in kept else None for a, n in enumerate(shape)]
    axes = Axes.of(axis, static)
    assert axes.weight_shape == weight and axes.adjacent
    assert axes.data_format == data_format
    x = np.random.default_rng(0).normal(size=shape).astype("float32")

    @tf.function(input_signature=[tf.TensorSpec(static)])
    def there_and_back(x):
        seen = axes.fused_view(x)
        restored = axes.restored(seen, x)
        assert restored.shape.as_list() == static
        return seen, restored

    seen, restored = there_and_back(x)
    assert seen.shape == view
    np.testing.assert_array_equal(restored, x)
    channel = data_format.index("C")
    others = tuple(a for a in range(len(view)) if a != channel)
    means = x.mean(tuple(axes.reduced)).ravel()
    np.testing.assert_allclose(np.mean(seen, others), means, rtol=1e-5)


def test_axes_apart_have_no_fused_view():
    assert not Axes.of([1, 3], (2, 3, 4, 5)).adjacent


@pytest.mark.parametrize("axis", [2, -3, [0, 0], [], [0, -2]])
def test_wrong_axes_are_shown(axis):
    with pytest.raises(ValueError, match="Received"):
        Axes.of(axis, (4, 3))
