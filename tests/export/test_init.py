import subprocess
import sys

import pytest

import export
from tests.export.archives import save_net


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_importing_export_imports_no_tensorflow():
    code = "import export, export.cli.main, sys; print('tensorflow' in sys.modules)"
    assert python(code).stdout.strip() == "False"


def test_a_function_stays_a_function_whichever_way_its_file_is_imported_first():
    code = "import export.verify; from export import verify; print(callable(verify))"
    assert python(code).stdout.strip() == "True"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'to_torch'"):
        _ = export.to_torch


def test_completion_before_first_use_shows_the_public_names():
    code = "import export; print([n for n in dir(export) if not n.startswith('_')])"
    assert python(code).stdout.strip() == str(sorted(export.__all__))


def test_every_public_name_is_there():
    assert all(getattr(export, name) for name in export.__all__)
    assert issubclass(export.InputError, export.ExportError)


def test_functions_take_the_path_of_a_model(tmp_path):
    save_net(tmp_path / "net.keras")
    export.to_onnx(str(tmp_path / "net.keras"), tmp_path / "net.onnx")
    assert export.verify(tmp_path / "net.keras", tmp_path / "net.onnx")
    with pytest.raises(export.InputError, match="a value of type int is no Keras model"):
        export.to_tflite(3, tmp_path / "net.tflite")


def test_functions_print_nothing_and_tell_their_steps_to_one_logger(tmp_path):
    save_net(tmp_path / "net.keras")
    code = (
        "import logging, sys, io, export; heard = io.StringIO()\n"
        "logging.getLogger('fleras').addHandler(logging.StreamHandler(heard))\n"
        "logging.getLogger('fleras').setLevel('INFO')\n"
        f"export.export({str(tmp_path / 'net.keras')!r}, {str(tmp_path / 'out')!r})\n"
        "assert 'Folding batch norms' in heard.getvalue()\n"
    )
    assert python(code).stdout == ""
