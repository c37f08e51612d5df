"""Verifies what stands beside a manifest: hashes, and numbers."""

from dataclasses import replace
from pathlib import Path

from export.base.errors import NotEquivalent
from export.base.files import sha256
from export.formats import engine_of
from export.publishing.manifest import read_manifest
from export.publishing.publish import REFERENCE
from export.publishing.schema import StoredFile
from export.verification.comparison import Comparison
from export.verification.precisions import tolerances
from export.verification.reference import Reference
from export.verification.replay import replay
from export.verification.tolerances import Tolerances


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
        NotEquivalent: it has another digest.
    """
    manifest, home = read_manifest(path), path.parent
    if expect is not None and manifest.digest != expect.lower():
        raise NotEquivalent(
            f"{path} has the digest {manifest.digest}, not the expected one; get the right files"
        )
    found = {name: _damage(home / name, file) for name, file in manifest.files.items()}
    results = {name: Comparison(problems=(problem,)) for name, problem in found.items() if problem}
    if REFERENCE in results:
        return results
    reference = Reference.load(home / REFERENCE)
    for entry in manifest.artifacts:
        if (name := str(entry.path)) not in results:
            bounds = entry.verification.tolerances.given(rtol, atol, min_sqnr)
            file, precision = home / name, entry.precision
            result = replay(reference, file, engine_of(file), precision=precision, bounds=bounds)
            results[name] = replace(result, warnings=(*result.warnings, *_loose(bounds, precision)))
    return results


def _loose(bounds: Tolerances, precision: str) -> list[str]:
    names = bounds.looser_than(tolerances(precision))
    return [f"judged with a looser {', '.join(names)} than by default"] if names else []


def _damage(path: Path, expected: StoredFile) -> str:
    try:
        if path.is_symlink() or not path.is_file():
            return "the file is missing; copy it again"
        if path.stat().st_size != expected.size:
            return f"the file has another size than the {expected.size} bytes it was exported with"
        if sha256(path) != expected.sha256:
            return "the file is not the one that was exported (SHA-256 differs); copy it again"
    except OSError as error:
        return f"the file can't be read ({error.strerror}); copy it again"
    return ""
