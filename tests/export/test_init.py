import subprocess
import sys

import pytest

import export


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)


def test_importing_export_imports_no_tensorflow():
    code = "import export, export.cli.main, sys; print('tensorflow' in sys.modules)"
    assert python(code).stdout.strip() == "False"


@pytest.mark.parametrize("name", ["to_onnx", "to_tflite", "verify"])
def test_a_function_stays_a_function_whichever_way_its_file_is_imported_first(name):
    code = f"import export.{name}; from export import {name} as it; print(callable(it))"
    assert python(code).stdout.strip() == "True"


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'to_torch'"):
        _ = export.to_torch
