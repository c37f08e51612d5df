"""Statistics of parts add up to those of the whole."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fleras.recalibration.population import Population


def population(x):
    mean = x.mean(0) if len(x) else np.zeros(x.shape[1:])
    return Population(np.full(x.shape[1:], len(x)), mean, ((x - mean) ** 2).sum(0))


@settings(max_examples=200, deadline=None)
@given(
    st.lists(st.integers(0, 5), min_size=1, max_size=6),
    st.sampled_from([0.0, 1.0, 1e6]),
    st.integers(0, 2**31),
)
def test_parts_add_up(sizes, offset, seed):
    rng = np.random.default_rng(seed)
    parts = [rng.normal(offset, 1, (size, 3)) for size in [2, *sizes]]
    total = population(parts[0])
    for part in parts[1:]:
        total += population(part)
    whole = np.concatenate(parts)
    np.testing.assert_array_equal(total.count, len(whole))
    np.testing.assert_allclose(total.mean, whole.mean(0), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(total.variance, whole.var(0), rtol=1e-8)
