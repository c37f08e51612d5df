"""The manifest beside the artefacts: what they are, where they come from, how right they are."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from export.base.artifact import Artifact
from export.base.errors import InputError, NotEquivalent
from export.base.files import sha256
from export.formats import engine_of
from export.publishing.digest import DIGEST, render
from export.publishing.publish import MANIFEST, REFERENCE
from export.verification.comparison import Comparison
from export.verification.precisions import PRECISIONS, tolerances
from export.verification.reference import Reference, to_json
from export.verification.replay import replay
from export.verification.tolerances import Tolerances, from_record

SCHEMA = "fleras manifest 1"
PACKAGES = (
    "fleras", "keras", "tensorflow", "tf2onnx", "onnx", "onnxruntime", "ai-edge-litert", "numpy"
)  # fmt: skip
SIZE = 64 << 20


def versions() -> dict[str, str]:
    """The version of each package that has a part in an export, "absent" where it is not there."""
    found = {}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "absent"
    return found


def describe(
    source: Mapping[str, Any],
    fold: Mapping[str, Any],
    folded: Comparison,
    artifacts: Iterable[tuple[Artifact, Comparison]],
    reference: Reference,
    warnings: Iterable[str],
    failed: Iterable[Mapping[str, Any]] = (),
) -> dict[str, Any]:
    """Everything but the hashes of the files; nothing in it depends on the time or the place."""
    pairs = list(artifacts)
    return {
        "schema": SCHEMA,
        "source": dict(source),
        "versions": versions(),
        "fold": dict(fold),
        "folded": folded.to_dict(),
        "artifacts": [
            artifact.to_dict() | {"verification": comparison.to_dict()}
            for artifact, comparison in pairs
        ],
        "failed": [dict(failure) for failure in failed],
        "names": _names([artifact for artifact, _ in pairs]),
        "reference": {"file": REFERENCE, **to_json(reference)},
        "warnings": list(warnings),
    }


def write_manifest(directory: Path, content: Mapping[str, Any]) -> None:
    """Adds the hash and size of every file in `directory`, and writes `manifest.json` there."""
    files = {
        path.name: {"sha256": sha256(path), "size": path.stat().st_size}
        for path in sorted(directory.iterdir())
        if path.name != MANIFEST
    }
    text = render({**content, "files": files})
    (directory / MANIFEST).write_text(text, encoding="utf-8")


def read_manifest(path: Path) -> dict[str, Any]:
    """Reads a manifest.

    Raises:
        InputError: it is missing, no manifest, or names a file outside its own directory.
    """
    try:
        if path.stat().st_size > SIZE:
            raise InputError(f"{path} has more than 64 MiB; it is no manifest of an export")
        text = path.read_text(encoding="utf-8")
        content = json.loads(text)
    except OSError as error:
        raise InputError(f"can't read {path} ({error.strerror}); give a manifest.json") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is not JSON; give the manifest.json of an export") from error
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise InputError(f"{path} is no {SCHEMA!r}; give the manifest.json of an export")
    _check_form(path, content)
    if text != render(content):
        raise InputError(f"{path} is not as it was written (its digest differs); copy it again")
    return content


def check_manifest(
    path: Path,
    rtol: float | None = None,
    atol: float | None = None,
    min_sqnr: float | None = None,
    expect: str | None = None,
) -> dict[str, Comparison]:
    """Hashes every file again and replays the stored reference on every artefact.

    Needs the runtimes, but neither TensorFlow nor Keras nor the original model, and changes nothing
    on the disk.

    Args:
        path: a `manifest.json`, its files beside it.
        rtol: replaces the bound that the export applied.
        atol: replaces the bound that the export applied.
        min_sqnr: replaces the bound that the export applied, in decibel.
        expect: the digest that the manifest has to have, known from elsewhere.

    Returns:
        One comparison per file; a file that is missing or has another hash fails without being run.

    Raises:
        InputError: it is no manifest.
    """
    content = read_manifest(path)
    if expect is not None and content[DIGEST] != expect.lower():
        raise NotEquivalent(
            f"{path} has the digest {content[DIGEST]}, not the expected one; get the right files"
        )
    home, hashes = path.parent, content["files"]
    found = {name: _damage(home / name, entry["sha256"]) for name, entry in hashes.items()}
    results = {name: Comparison(problems=(problem,)) for name, problem in found.items() if problem}
    if REFERENCE in results:
        return results
    reference = Reference.load(home / REFERENCE)
    for artifact in content["artifacts"]:
        if (name := artifact["path"]) not in results:
            bounds = _bounds(artifact).given(rtol, atol, min_sqnr)
            precision = artifact["precision"]
            path = home / name
            result = replay(reference, path, engine_of(path), precision=precision, bounds=bounds)
            results[name] = replace(result, warnings=(*result.warnings, *_loose(bounds, precision)))
    return results


def _check_form(path: Path, content: dict[str, Any]) -> None:
    try:
        names = [*content["files"], *(artifact["path"] for artifact in content["artifacts"])]
        known = {artifact["path"] for artifact in content["artifacts"]} | {REFERENCE}
        plain = all(Path(name).name == name for name in names)
        whole = known <= set(content["files"]) and all(
            isinstance(entry["sha256"], str) for entry in content["files"].values()
        )
        precise = all(
            artifact["precision"] in PRECISIONS and _bounds(artifact)
            for artifact in content["artifacts"]
        )
        content["artifacts"][0]
    except IndexError as error:
        raise InputError(f"{path} lists no artefact to verify; export again") from error
    except (KeyError, TypeError, AttributeError) as error:
        raise InputError(f"{path} lacks {error}; it is damaged, export again") from error
    if not (plain and whole and precise):
        raise InputError(f"{path} names files that are not its own; it is damaged, export again")


def _loose(bounds: Tolerances, precision: str) -> list[str]:
    names = bounds.looser_than(tolerances(precision))
    return [f"judged with a looser {', '.join(names)} than by default"] if names else []


def _bounds(artifact: Mapping[str, Any]) -> Tolerances:
    return from_record(artifact["verification"]["tolerances"])


def _damage(path: Path, expected: str) -> str:
    if path.is_symlink() or not path.is_file():
        return "the file is missing; copy it again"
    if sha256(path) != expected:
        return "the file is not the one that was exported (SHA-256 differs); copy it again"
    return ""


def _names(artifacts: list[Artifact]) -> dict[str, Any]:
    """How each Keras input and output is called in each file, and at which position it is."""
    found: dict[str, Any] = {"inputs": {}, "outputs": {}}
    for artifact in artifacts:
        for side, table in found.items():
            for port in getattr(artifact, side):
                entry = {"name": port.target, "index": port.index}
                table.setdefault(port.name, {})[artifact.path.name] = entry
    return found
