"""What a model is given as: which kind of file, or what else it is."""

import json
from enum import Enum
from pathlib import Path
from zipfile import ZipFile

from export.base.errors import InputError
from export.loading.config import SIZE, read_config
from export.loading.container import check_container, is_archive, member_names

HDF5 = b"\x89HDF\r\n\x1a\n"
NO_MODELS = {
    b"\x04\x22\x4d\x18": "an LZ4 archive, unpack it",
    b"\x1f\x8b": "a gzip archive, unpack it",
    b"BZh": "a bzip2 archive, unpack it",
    b"\xfd7zXZ": "an xz archive, unpack it",
    b"7z\xbc\xaf": "a 7-Zip archive, unpack it",
    b"\x80": "a pickle, which is code",
    b"PAR1": "a table",
    b"\x93NUMPY": "an array",
}
"""By how they begin."""
NAMES = {
    ".onnx": "an ONNX file",
    ".pb": "a TensorFlow graph without the rest of its SavedModel, give the whole folder",
    ".tflite": "a TFLite file",
    ".index": "a checkpoint, weights without a model",
    ".ckpt": "a checkpoint, weights without a model",
    ".pt": "a PyTorch file",
    ".pth": "a PyTorch file",
    ".safetensors": "a file of weights without a model",
    ".yaml": "an architecture in YAML, which Keras gave up, save it with model.to_json()",
    ".yml": "an architecture in YAML, which Keras gave up, save it with model.to_json()",
}
"""By what they are called."""
WANTED = "give a .keras file, an .h5 file, a SavedModel folder or a .json file with --weights"


class Kind(Enum):
    """The containers that a Keras model comes in."""

    KERAS = "an archive of Keras 3"
    OLD = "an archive of Keras 2"
    HDF5 = "an HDF5 file"
    SAVED_MODEL = "a SavedModel"
    JSON = "an architecture"


def refuse_empty(path: Path) -> None:
    """Raises InputError where a look at the directory shows that there is no model."""
    if path.is_dir() and not (path / "saved_model.pb").is_file():
        raise InputError(
            f"{path} is a directory without a saved_model.pb, no SavedModel; give the .keras file "
            "of a model"
        )
    if not path.is_dir() and not path.is_file():
        raise InputError(f"there is no file {path}; check the name")
    if path.is_file() and path.stat().st_size == 0:
        raise InputError(f"{path.name} is empty; save the model again")


def kind_of(path: Path) -> Kind:
    """Which kind of model is in a file or folder; archives are checked as a whole.

    Raises:
        InputError: there is none, or it is something else, which is named.
    """
    refuse_empty(path)
    if path.is_dir():
        return Kind.SAVED_MODEL
    with open(path, "rb") as file:
        start = file.read(8)
    if start == HDF5:
        return Kind.HDF5
    if is_archive(path):
        return _kind_of_archive(path)
    if path.suffix == ".json":
        return Kind.JSON
    if what := _other(path, start):
        raise InputError(f"{path.name} is {what}; {WANTED}")
    check_container(path)
    raise InputError(f"{path.name} is no Keras model; {WANTED}")


def read_json(path: Path) -> dict[str, object]:
    """An architecture that `model.to_json()` gave.

    Raises:
        InputError: it is too large, no JSON, or no model.
    """
    if path.stat().st_size > SIZE:
        raise InputError(f"{path.name} has more than 64 MiB; it is no architecture of Keras")
    try:
        content = json.loads(path.read_bytes())
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path.name} is no JSON that can be read; save it again") from error
    if not isinstance(content, dict) or "class_name" not in content:
        raise InputError(f"{path.name} is JSON, but no Keras model; save it with model.to_json()")
    return content


def _kind_of_archive(path: Path) -> Kind:
    names = member_names(path)
    if path.suffix != ".keras" and "config.json" not in names:
        inside = "a PyTorch file" if any(n.endswith("data.pkl") for n in names) else "a ZIP archive"
        raise InputError(f"{path.name} is {inside}, no Keras model; {WANTED}")
    check_container(path)
    config = read_config(path)
    with ZipFile(path) as archive:
        try:
            version = str(json.loads(archive.read("metadata.json")).get("keras_version"))
        except (ValueError, RecursionError, AttributeError):
            version = ""
    old = version.startswith("2.") or str(config.get("module")).startswith("tf_keras")
    return Kind.OLD if old else Kind.KERAS


def _other(path: Path, start: bytes) -> str:
    if start[4:8] == b"TFL3":
        return NAMES[".tflite"]
    by_content = (what for magic, what in NO_MODELS.items() if start.startswith(magic))
    return NAMES.get(path.suffix.lower()) or next(by_content, "")
