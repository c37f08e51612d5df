"""Other tools for int8, each in an environment of its own that is made at its first use."""

import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

SCRIPTS = Path(__file__).parent / "tools"
SECONDS = 600


@dataclass(frozen=True)
class Peer:
    """One tool.

    Attributes:
        name: of the column.
        form: suffix of the files that it takes and gives.
        script: in `tools`: float file, examples, int8 file.
        packages: what pip has to install for it.
    """

    name: str
    form: str
    script: str
    packages: tuple[str, ...]


PEERS = (
    Peer("ai-edge-quantizer", "tflite", "run_ai_edge_quantizer.py", ("ai-edge-quantizer==0.10.0",)),
    Peer(
        "neural-compressor",
        "onnx",
        "run_neural_compressor.py",
        ("onnx-neural-compressor==1.0", "numpy<2", "onnx<1.17", "onnxruntime<1.21", "setuptools"),
    ),
    Peer("aimet", "onnx", "run_aimet.py", ("aimet-onnx==2.42.0",)),
)


def installed(folder: Path) -> list[Peer]:
    """The tools that could be installed below `folder`; a line for each that could not."""
    found = []
    for peer in PEERS:
        home = folder / peer.name
        if not (home / "ready").exists() and not (home / "failed").exists():
            _install(peer, home)
        if (home / "ready").exists():
            found.append(peer)
        else:
            print(f"{peer.name} does not install here; see {home / 'failed'}")
    return found


def quantized(peer: Peer, folder: Path, source: Path, examples: Path, target: Path) -> str:
    """Lets the tool write `target`; the last line of its complaint where it can't."""
    command = [folder / peer.name / "bin" / "python", SCRIPTS / peer.script]
    try:
        done = subprocess.run(
            [*command, source, examples, target], capture_output=True, text=True, timeout=SECONDS
        )
    except subprocess.TimeoutExpired:
        return f"took more than {SECONDS} s"
    if done.returncode == 0 and target.exists():
        return ""
    return (done.stderr.strip().splitlines() or ["no file and no reason"])[-1]


def _install(peer: Peer, home: Path) -> None:
    subprocess.run([sys.executable, "-m", "venv", home], check=True)
    pip = [home / "bin" / "python", "-m", "pip", "install", "--quiet"]
    done = subprocess.run([*pip, *peer.packages], capture_output=True, text=True)
    (home / ("failed" if done.returncode else "ready")).write_text(done.stderr, encoding="utf-8")
