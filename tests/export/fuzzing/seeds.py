"""Honest files for the fuzzer to start from, and words to put into them."""

import json
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from export.options import Options
from export.pipeline import export
from tests.export.archives import members, save_net
from tests.export.fuzzing.targets import VARIABLES
from tests.export.loading import hostile
from tests.export.loading.legacy import comparing, old_graphs


def write_seeds(home: Path) -> None:
    """Corpora in folders named as the targets, unless they are there."""
    if home.exists():
        return
    with TemporaryDirectory() as scratch:
        found = _seeds(Path(scratch))
        for name, paths in found.items():
            corpus = home / name / "corpus"
            corpus.mkdir(parents=True)
            for path in paths:
                shutil.copy(path, corpus / path.name)
        shutil.copytree(found["saved model"][0].parent / "variables", home / VARIABLES.name)


def _seeds(scratch: Path) -> dict[str, list[Path]]:
    net, out = scratch / "net.keras", scratch / "out"
    model = save_net(net)
    export(net, out, Options())
    old, other = (old_graphs.make(name) for name in ("masked", "shared"))
    saved = comparing.save(old, scratch, "saved_model") / "saved_model.pb"
    h5 = comparing.save(other, scratch, "h5")
    model.save(scratch / "new.h5")
    (scratch / "weights.h5").write_bytes(members(net)["model.weights.h5"])
    np.save(scratch / "plain.npy", np.ones((2, 3), "float32"))
    np.savez_compressed(scratch / "named.npz", image=np.ones((2, 8, 8, 2), "float16"))
    files = [h5, scratch / "new.h5", scratch / "weights.h5"]
    manifests, archives = [out / "manifest.json"], [net, out / "folded.keras"]
    return {
        "config": _configurations(scratch),
        "archive": archives,
        "container": archives,
        "manifest": manifests,
        "sealed manifest": manifests,
        "h5": files,
        "weights": files,
        "npy": [scratch / "plain.npy"],
        "npz": [scratch / "named.npz"],
        "reference": [out / "reference.npz"],
        "onnx": [out / "model.onnx"],
        "tflite": [out / "model.tflite"],
        "saved model": [saved],
    }


def _configurations(scratch: Path) -> list[Path]:
    """An honest one, and one with each of the hostile objects at each of the positions."""
    base, payloads = hostile.base(), hostile.payloads()
    made = {"base": base}
    for at, (name, put) in enumerate(hostile.positions().items()):
        key = list(payloads)[at % len(payloads)]
        made[name] = put(base, payloads[key])
    for name, config in made.items():
        (scratch / f"{name}.json").write_text(json.dumps(config))
    return [scratch / f"{name}.json" for name in made]
