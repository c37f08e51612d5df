"""Fuzzes every checker of strangers' files in turn: `python -m tests.export.fuzzing --minutes 60`.

Prints executions and findings; the inputs that were found stay in `.fuzzing/` for the next run.
"""

import argparse
import re
import subprocess
import sys

from rich.console import Console
from rich.table import Table

from tests.export.fuzzing.seeds import write_seeds
from tests.export.fuzzing.targets import HOME, TARGETS

BOUNDS = ("-rss_limit_mb=2500", "-timeout=30", "-max_len=20000", "-print_final_stats=1")


def main() -> None:
    """Runs the targets one after the other."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--minutes", type=float, default=10, help="altogether")
    parser.add_argument("--only", nargs="*", default=list(TARGETS))
    asked = parser.parse_args()
    seconds = max(int(asked.minutes * 60 / len(asked.only)), 1)
    write_seeds(HOME)
    table = Table("checker", "seconds", "executions", "coverage", "findings")
    rows = {name: _fuzz(name, seconds) for name in asked.only}
    for name, row in rows.items():
        table.add_row(name, *row)
    Console().print(table)
    sys.exit(any(row[-1] != "0" for row in rows.values()))


def _fuzz(name: str, seconds: int) -> list[str]:
    corpus, found = HOME / name / "corpus", HOME / name / "findings"
    found.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "tests.export.fuzzing.one", name, str(corpus)]
    options = [f"-max_total_time={seconds}", f"-artifact_prefix={found}/", *BOUNDS]
    with (HOME / name / "log").open("w") as log:
        subprocess.run([*command, *options], stdout=log, stderr=log, check=False)
    text = (HOME / name / "log").read_text(errors="replace")
    runs = re.findall(r"number_of_executed_units: (\d+)", text) or re.findall(
        r"^#(\d+)", text, re.M
    )
    spent = re.findall(r"in (\d+) second", text)
    covered = re.findall(r"cov: (\d+)", text)
    last = [values[-1] if values else "?" for values in (spent, runs, covered)]
    return [*last, str(len(list(found.iterdir())))]


if __name__ == "__main__":
    main()
