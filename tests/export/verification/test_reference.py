import numpy as np
import pytest

from export.base.errors import InputError
from export.verification.reference import Case, Reference

LABELS = ("normal", "unit", "zeros", "ones", "large")


def case(labels, start=0):
    x = np.arange(start, start + len(labels), dtype=np.float32)[:, None]
    return Case(labels, {"x": x}, {"y": x * 2.0}, {"y": np.float32(x * 2)})


REFERENCE = Reference((case(("normal",), 100), case(LABELS)), warnings=("mind",))


def test_pieces_hold_every_example_and_the_last_is_filled_up():
    pieces = REFERENCE.at_batch(2)
    assert [piece.inputs["x"].ravel().tolist() for piece in pieces] == [
        [100, 100], [0, 1], [2, 3], [4, 4]
    ]  # fmt: skip
    for piece in pieces:
        np.testing.assert_array_equal(piece.truth["y"], 2 * piece.inputs["x"])
        assert piece.original["y"].dtype == np.float32
    assert REFERENCE.at_batch(3)[-1].inputs["x"].ravel().tolist() == [3, 4, 4]
    assert REFERENCE.at_batch(None) == REFERENCE.cases


def test_examples_that_depend_on_their_batch_are_not_cut():
    dependent = Reference(REFERENCE.cases, independent=False)
    assert dependent.at_batch(5) == (REFERENCE.cases[1],)
    assert dependent.at_batch(2) == ()
    assert dependent.typical() == dependent


def test_typical_are_the_given_examples_or_those_of_no_stress():
    labels = [each.labels for each in REFERENCE.typical().cases]
    assert labels == [("normal",), LABELS[:4]]
    given = Reference((*REFERENCE.cases, case(("given", "given"))))
    assert given.typical().cases == (given.cases[2],)


def test_saved_and_loaded_it_is_the_same_with_the_same_bytes(tmp_path):
    one, two = tmp_path / "one.npz", tmp_path / "two.npz"
    REFERENCE.save(one)
    REFERENCE.save(two)
    assert one.read_bytes() == two.read_bytes()
    loaded = Reference.load(one)
    assert [case.labels for case in loaded.cases] == [case.labels for case in REFERENCE.cases]
    assert (loaded.independent, loaded.warnings) == (REFERENCE.independent, REFERENCE.warnings)
    for old, new in zip(REFERENCE.cases, loaded.cases, strict=True):
        for part in ("inputs", "truth", "original"):
            assert getattr(new, part).keys() == getattr(old, part).keys()
            for name, values in getattr(old, part).items():
                np.testing.assert_array_equal(getattr(new, part)[name], values, strict=True)


def test_names_that_are_no_file_names_survive(tmp_path):
    name = "../a/b:0 \N{SNOWMAN}"
    odd = Case(("normal",), {name: np.ones((1, 1))}, {name: np.ones((1, 1))}, {})
    Reference((odd,)).save(tmp_path / "odd.npz")
    assert list(Reference.load(tmp_path / "odd.npz").cases[0].inputs) == [name]
    assert [path.name for path in tmp_path.iterdir()] == ["odd.npz"]


@pytest.mark.parametrize("content", [b"", b"noise", b"PK\x05\x06" + bytes(18), "object", "other"])
def test_what_is_no_reference_is_one_line(tmp_path, content):
    path = tmp_path / "reference.npz"
    if content == "object":
        np.savez(path, index=np.array([{}], dtype=object))
    elif content == "other":
        np.savez(path, x=np.ones(3))
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match="holds no reference"):
        Reference.load(path)
