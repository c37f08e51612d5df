"""Arguments that can't be meant, and those of other layers, are refused in one line."""

import numpy as np
import pytest

from fleras import BatchNormalization


@pytest.mark.parametrize(
    "wrong",
    [
        {"momentum": 3},
        {"momentum": -0.1},
        {"momentum": float("nan")},
        {"momentum": True},
        {"renorm_momentum": 1.5},
        {"epsilon": -1e-3},
        {"epsilon": float("inf")},
        {"epsilon": "0.001"},
        {"axis": [1, 1]},
        {"axis": []},
        {"axis": 1.5},
        {"axis": "1"},
        {"renorm_clipping": {"rmax": "3"}},
        {"renorm_clipping": {"dmax": [1.0, 2.0]}},
    ],
    ids=str,
)
def test_wrong_values(wrong):
    with pytest.raises(ValueError, match="Received") as caught:
        BatchNormalization(**wrong)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["renorm", "fused", "virtual_batch_size", "adjustment"])
def test_foreign_arguments(name):
    with pytest.raises(TypeError, match=f"no argument {name}=: .*(leave|renorm_momentum)"):
        BatchNormalization(**{name: True})


def test_right_values():
    layer = BatchNormalization((1, 2), momentum=np.float32(1), epsilon=0, renorm_momentum=0)
    assert (layer.axis, layer.momentum, layer.epsilon, layer.renorm_momentum) == ([1, 2], 1, 0, 0)
