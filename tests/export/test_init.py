import subprocess
import sys

import pytest

import export


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
