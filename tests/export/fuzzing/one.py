"""Fuzzes one checker: `python -m tests.export.fuzzing.one TARGET [options of libFuzzer]`."""

import sys
import tempfile
from pathlib import Path

import atheris

INSTRUMENTED = ["export", "zipfile", "flatbuffers", "numpy.lib", "ai_edge_litert"]

with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
    from tests.export.fuzzing.mutations import mutate_json
    from tests.export.fuzzing.targets import TARGETS, run


def main() -> None:
    """Runs until libFuzzer has enough; a finding ends the process."""
    target = TARGETS[sys.argv.pop(1)]
    scratch = tempfile.TemporaryDirectory()
    path = Path(scratch.name, f"given{target.suffix}")

    def once(content: bytes) -> None:
        path.write_bytes(content)
        run(target, path)

    with atheris.instrument_imports(include=INSTRUMENTED, enable_loader_override=False):
        for seed in Path(sys.argv[1]).iterdir():
            once(seed.read_bytes())
    own = {"custom_mutator": mutate_json} if target.suffix == ".json" else {}
    atheris.Setup(sys.argv, once, **own)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
