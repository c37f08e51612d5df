from export.cli.main import run
from export.demo.demonstrate import MODEL, demonstrate
from export.demo.digits import digits


def test_the_digits_are_split_once_and_scaled():
    x, y, x_test, y_test = digits()
    assert len(x) + len(x_test) == len(y) + len(y_test) == 1797
    assert x.shape[1:] == (8, 8, 1)
    assert 0 <= x.min() < x.max() <= 1
    assert set(y_test) == set(range(10))


def test_the_demo_ends_with_files_that_read_as_well_as_the_model(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("export.demo.train.EPOCHS", 4)
    steps = []
    exported, rows = demonstrate(tmp_path / "demo", False, steps.append)
    assert any(step.startswith("Training, epoch 4") for step in steps)
    keras_row, *others = rows
    assert keras_row.batch_norms == len(exported.fold) > 0
    assert keras_row.accuracy > 0.9
    for row in others:
        assert row.batch_norms == 0
        assert abs(row.accuracy - keras_row.accuracy) < 0.01
        assert row.error < 1e-4
        assert row.latency > 0
        assert row.name.startswith("folded") or row.size < keras_row.size < 4 * row.size
    assert all(comparison for _, comparison in exported.artifacts)
    assert (tmp_path / "demo" / MODEL).stat().st_size == keras_row.size
    assert run(["demo", "-o", str(tmp_path / "demo")]) == 2
    assert "already" in capsys.readouterr().err
