"""The networks that people saved with Keras 2, from files of every old format."""

import numpy as np
import pytest
import tf_keras

from tests.export.loading.legacy.comparing import assert_same, reload

NETWORKS = sorted(
    name
    for name in vars(tf_keras.applications)
    if name[0].isupper() and not name.endswith(("Large", "XLarge"))
)


def trained(model):
    """The model with the statistics of a trained network in its batch norms."""
    draw = np.random.default_rng(0)
    for variable in model.weights:
        if variable.name.rpartition("/")[2].startswith(("gamma", "beta", "moving_")):
            variable.assign(variable + 0.3 * draw.uniform(-1, 1, variable.shape))
    return model


@pytest.mark.networks
@pytest.mark.parametrize("form", ["h5", "keras"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_computes_the_same(name, form, tmp_path):
    tf_keras.backend.clear_session()
    old = trained(getattr(tf_keras.applications, name)(weights=None))
    image = (
        np.random.default_rng(0)
        .normal(size=(1, *(d or 224 for d in old.input_shape[1:])))
        .astype("float32")
    )
    assert_same(old, reload(old, tmp_path, form), [image])
