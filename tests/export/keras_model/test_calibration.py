"""Representative inputs from memory, files, directories and datasets."""

import numpy as np
import pytest
import tensorflow as tf

from export.base.errors import InputError
from export.keras_model.calibration import LIMIT, batches
from tests.export import zoo


@pytest.fixture(scope="module")
def model():
    return zoo.sequential()


DATA = np.arange(24, dtype=float).reshape(6, 4)


def joined(parts):
    (name,) = parts[0]
    return np.concatenate([part[name] for part in parts])


def test_every_source_gives_the_same(model, tmp_path):
    np.save(tmp_path / "a.npy", DATA[:4])
    np.savez(tmp_path / "b.npz", x=DATA[4:])
    dataset = tf.data.Dataset.from_tensor_slices((DATA, np.zeros(6))).batch(4)
    for source in (DATA, tmp_path, dataset, iter([DATA[:1], DATA[1:]])):
        found = batches(model, source)
        assert len(found) == 6
        np.testing.assert_array_equal(joined(found), DATA)
        assert joined(found).dtype == np.float32


def test_batches_have_the_size_of_the_file(model):
    assert [len(joined([part])) for part in batches(model, DATA, 4)] == [4]


def test_no_more_than_needed_is_read(model):
    endless = (DATA for _ in iter(int, 1))
    assert len(batches(model, endless)) == LIMIT


@pytest.mark.parametrize("bad", [None, np.zeros((3, 5)), [], iter(()), "nothing.npy"])
def test_unfit_data_is_refused(model, bad):
    with pytest.raises(InputError):
        batches(model, bad)
