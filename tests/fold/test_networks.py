"""What must be left of the batch norms of each network, and at which error."""

import keras
import pytest

from sample_models.networks import NETWORKS, folded_with_errors, network

LEFT = {"ResNet50V2": 1, "ResNet101V2": 1, "ResNet152V2": 1}
DENSE = {
    "DenseNet121": (6, 12, 24, 16),
    "DenseNet169": (6, 12, 32, 32),
    "DenseNet201": (6, 12, 48, 32),
}


@pytest.mark.networks
@pytest.mark.parametrize("signs", [False, True], ids=["positive", "any-sign"])
@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_folds(name, signs):
    result, own, new = folded_with_errors(network(name, signs=signs, zeros=signs))
    assert new <= 2 * own
    if not signs:
        left = [r for r in result.report if r.status != "folded"]
        assert all(r.code == "shift_left" for r in left)
        assert len(left) <= allowed(name)
    keras.backend.clear_session()


def allowed(name):
    """How many shifts may stay; every dense block but the first loses one whole batch norm."""
    return sum(DENSE[name]) + 1 if name in DENSE else LEFT.get(name, 0)
