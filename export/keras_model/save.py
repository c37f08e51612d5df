"""Writes a Keras model so that the same model gives the same bytes: no time of day inside."""

import json
from pathlib import Path
from zipfile import ZipFile, ZipInfo

import keras

from fold.keras_graph.undisturbed import undisturbed


def save_model(model: keras.Model, path: Path) -> None:
    """Saves a `.keras` archive without the time it was saved at."""
    dated = path.with_name(f"dated-{path.name}")
    try:
        with undisturbed():
            model.save(dated)
        with ZipFile(dated) as source, ZipFile(path, "w") as target:
            for name in sorted(source.namelist()):
                target.writestr(ZipInfo(name), _content(source, name))
    finally:
        dated.unlink(missing_ok=True)


def _content(archive: ZipFile, name: str) -> bytes:
    if name != "metadata.json":
        return archive.read(name)
    metadata = json.loads(archive.read(name))
    metadata.pop("date_saved", None)
    return json.dumps(metadata).encode()
