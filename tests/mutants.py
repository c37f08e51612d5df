"""Plants small mistakes, one at a time, in a copy of the project and counts those the tests catch.

`make mutants` samples each part; `python -m tests.mutants --sample 0` takes every mutant, a matter
of days. The mutants are those of cosmic-ray; each has the tests of its own part against it.
"""

import argparse
import random
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console

MARKS = "not networks and not fuzz"
SECONDS = 600


@dataclass(frozen=True)
class Part:
    """Files that are changed, and the tests that have to notice."""

    name: str
    sources: tuple[str, ...]
    tests: tuple[str, ...]


PARTS = (
    Part("fold", ("fold",), ("tests/fold",)),
    Part("fleras", ("fleras",), ("tests/fleras",)),
    Part("verification", ("export/verification",), ("tests/export/verification",)),
)


def main() -> None:
    """Prints, for each part, how many of the sampled mutants were caught, and the survivors."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sample", type=int, default=50, help="mutants for each part; 0 for all")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("parts", nargs="*", choices=[[], *(part.name for part in PARTS)])
    asked = parser.parse_args()
    console = Console(soft_wrap=True)
    for part in PARTS:
        if not asked.parts or part.name in asked.parts:
            report(console, part, asked.sample, asked.seed)


def report(console: Console, part: Part, sample: int, seed: int) -> None:
    """Runs one part in a copy of the last commit."""
    with TemporaryDirectory() as folder:
        copy = Path(folder) / "copy"
        _run(["git", "clone", "--quiet", ".", copy], Path.cwd())
        session, config = Path(folder) / "session.sqlite", Path(folder) / "config.toml"
        config.write_text(_config(part))
        _run([_tool("cosmic-ray"), "init", config, session], copy)
        _run([_tool("cosmic-ray"), "baseline", config], copy)
        count = _keep(session, sample, seed)
        console.print(f"{part.name}: {count} mutants, each with its tests")
        _run([_tool("cosmic-ray"), "exec", config, session], copy)
        found = list(_results(session))
    survivors = [where for where, outcome in found if outcome == "SURVIVED"]
    caught = len(found) - len(survivors)
    console.print(f"{part.name}: {caught} of {len(found)} caught, {caught / len(found):.0%}")
    for where in survivors:
        console.print(f"  survived: {where}", highlight=False)


def _config(part: Part) -> str:
    command = f"{sys.executable} -m pytest -x -q -m '{MARKS}' {' '.join(part.tests)}"
    return (
        f"[cosmic-ray]\nmodule-path = {list(part.sources)}\ntimeout = {SECONDS}.0\n"
        f'excluded-modules = []\ntest-command = "{command}"\n'
        '[cosmic-ray.distributor]\nname = "local"\n'
    )


def _keep(session: Path, sample: int, seed: int) -> int:
    """Drops all but `sample` mutants from the session."""
    with sqlite3.connect(session) as database:
        jobs = [job for (job,) in database.execute("select job_id from work_items")]
        kept = random.Random(seed).sample(sorted(jobs), min(sample or len(jobs), len(jobs)))
        for job in set(jobs) - set(kept):
            for table in ("mutation_specs", "work_items"):
                database.execute(f"delete from {table} where job_id = ?", (job,))
    return len(kept)


def _results(session: Path) -> Iterator[tuple[str, str]]:
    query = (
        "select module_path, start_pos_row, operator_name, occurrence, test_outcome "
        "from mutation_specs join work_results using (job_id)"
    )
    with sqlite3.connect(session) as database:
        for module, row, operator, occurrence, outcome in database.execute(query):
            yield f"{module}:{row} {operator} {occurrence}", str(outcome).rpartition(".")[2]


def _tool(name: str) -> Path:
    return Path(sys.executable).with_name(name)


def _run(command: list[str | Path], folder: Path) -> None:
    subprocess.run(list(map(str, command)), cwd=folder, check=True, capture_output=True)


if __name__ == "__main__":
    main()
