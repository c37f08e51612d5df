import faulthandler

import keras
import numpy as np
import pytest

from export import verify
from export.base.errors import InputError
from tests.export.onnx_files import write_dense


@pytest.fixture(scope="module")
def model():
    keras.utils.set_random_seed(0)
    layer = keras.layers.Dense(3, name="y", bias_initializer="normal")
    return keras.Sequential([keras.Input((5,), name="x"), layer])


def test_a_right_file_is_equivalent_in_every_setting_and_batch(model, tmp_path):
    comparison = verify(model, write_dense(tmp_path / "right.onnx", model.layers[0]))
    assert comparison, comparison
    runs = {figures.run for figures in comparison.figures}
    assert {run.split(",")[1].strip() for run in runs} == {"optimised", "as it is"}
    assert len(runs) == 4
    figures = comparison.outputs["y"]
    assert figures.original_max_abs is not None
    assert figures.max_abs <= 4 * figures.original_max_abs + 1e-6


def test_a_slightly_wrong_weight_is_not(model, tmp_path):
    path = write_dense(tmp_path / "wrong.onnx", model.layers[0], bias=1e-3)
    comparison = verify(model, path)
    assert not comparison
    assert comparison.max_abs == pytest.approx(1e-3, rel=0.1)
    assert verify(model, path, atol=10.0)


def test_a_file_with_a_fixed_batch_is_fed_in_pieces(model, tmp_path):
    for batch in (1, 2, 4):
        path = write_dense(tmp_path / f"{batch}.onnx", model.layers[0], batch=batch)
        assert verify(model, path)


def test_ports_with_other_names_are_matched_by_position(model, tmp_path):
    path = write_dense(tmp_path / "names.onnx", model.layers[0], names=("serving_x:0", "out"))
    assert verify(model, path)


def test_the_users_inputs_are_run_too(model, tmp_path):
    path = write_dense(tmp_path / "right.onnx", model.layers[0])
    given = np.random.default_rng(0).normal(size=(7, 5))
    assert "batch 7" in {f.run.rpartition(", ")[2] for f in verify(model, path, given).figures}
    with pytest.raises(InputError, match="shape"):
        verify(model, path, np.zeros((2, 6)))


def test_nan_in_the_users_inputs_is_never_equal(model, tmp_path):
    path = write_dense(tmp_path / "right.onnx", model.layers[0])
    assert not verify(model, path, np.full((2, 5), np.nan))


def test_a_file_its_runtime_refuses_is_a_report(model, tmp_path):
    path = tmp_path / "noise.onnx"
    path.write_bytes(b"this is no graph")
    comparison = verify(model, path)
    assert not comparison
    assert "refuses" in str(comparison)


def test_a_runtime_that_crashes_is_a_report(model, tmp_path, monkeypatch):
    monkeypatch.setattr("export.verification.replay.call", crash)
    comparison = verify(model, write_dense(tmp_path / "right.onnx", model.layers[0]))
    assert not comparison
    assert "SIGSEGV" in str(comparison)


def crash(what, *_, **__):
    from export.processes.child import call

    return call(what, faulthandler._sigsegv)


def test_wrong_use(model, tmp_path):
    with pytest.raises(InputError, match="no file"):
        verify(model, tmp_path / "absent.onnx")
    path = write_dense(tmp_path / "m.onnx", model.layers[0])
    with pytest.raises(InputError, match="never built"):
        verify(keras.Sequential([keras.layers.Dense(2)]), path)
