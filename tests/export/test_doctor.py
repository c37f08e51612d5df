import importlib.metadata

import pytest

from export import doctor


def findings():
    return {finding.name: finding for finding in doctor._packages()}


def test_this_machine_is_sound():
    assert all(finding.ok for finding in doctor.examine())


def test_a_version_out_of_range_is_named_with_what_to_install(monkeypatch):
    monkeypatch.setattr(doctor, "version", lambda name: "0.0.1")
    keras = findings()["keras"]
    assert not keras.ok
    assert keras.found == "0.0.1"
    assert "pip install 'keras" in keras.advice


def test_an_absent_package_is_named(monkeypatch):
    def absent(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(doctor, "version", absent)
    assert findings()["onnx"].found == "absent"


@pytest.mark.parametrize("error", [ImportError("broken"), RuntimeError("no\nbackend"), OSError()])
def test_an_import_that_fails_is_a_finding(error):
    def fail():
        raise error

    finding = doctor._imported("it", fail)
    assert not finding.ok
    assert "\n" not in finding.found
