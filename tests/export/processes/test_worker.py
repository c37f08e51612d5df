"""The worker ends with the process that started it, however that ends."""

import subprocess
import sys
import time
from pathlib import Path

PARENT = """
from export.processes import child
from tests.export import misbehavior
child.call("spinning", misbehavior.spin, path={path!r})
"""


def test_a_busy_worker_ends_when_its_parent_is_killed(tmp_path):
    path = tmp_path / "pid"
    parent = subprocess.Popen([sys.executable, "-c", PARENT.format(path=str(path))])
    wait_until(lambda: path.exists() and path.read_text().endswith("\n"))
    worker = Path(f"/proc/{path.read_text().strip()}")
    assert worker.exists()
    parent.kill()
    parent.wait()
    wait_until(lambda: not worker.exists())


def wait_until(true, seconds=60):
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.1)
