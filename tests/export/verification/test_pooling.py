import numpy as np

from export.verification.pooling import pool
from export.verification.reference import Case


def case(truth, result=None):
    truth = {"y": np.asarray(truth, float)}
    return Case(("given",) * len(truth["y"]), {}, truth, truth), result or truth


def test_examples_of_one_shape_become_one_run():
    ((joined, result),) = pool([case([[1, 2]]), case([[3, 4], [5, 6]])])
    assert joined.truth["y"].tolist() == result["y"].tolist() == [[1, 2], [3, 4], [5, 6]]
    assert len(joined.labels) == 3


def test_other_shapes_stay_apart_and_wrong_ones_alone():
    wrong = case([[1, 2]], {"y": np.zeros((1, 3))})
    assert len(pool([case([[1, 2]]), case([[1, 2, 3]]), wrong, case([[1, 2]])])) == 3
