"""int8 files of small trained networks beside those of the tools a Keras user could pick.

    python -m benchmarks.int8 [NETWORK ...] [--natural] [--peers DIR] [--json FILE]

Every file is calibrated on the same training images. The 360 test images tell the ratio of signal
to quantization noise of the logits, against the float32 Keras model, and accuracy. Each network
comes twice: as it was trained, and with channels rescaled over 2.5 orders of magnitude, which does
not change what it computes. "stock" is TFLiteConverter, or the best of ONNX Runtime's MinMax,
Entropy and Percentile; `--peers` adds tools that are installed into environments of their own
there. Exit code 1 when a goal is missed: no file of ours more than 0.3 dB below any other, accuracy
within 0.2 points of float (1 point when rescaled), in the mean +3 dB over stock for the natural
networks and +10 dB for the rescaled.
"""

import argparse
import json
import os
import sys
import tempfile
from pathlib import Path

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

import keras
import numpy as np
from rich.console import Console

from benchmarks.int8.compare import FORMS, compared
from benchmarks.int8.networks import BODIES, trained
from benchmarks.int8.peers import installed
from benchmarks.int8.rescale import rescaled
from benchmarks.int8.results import failures, table
from export.demo.digits import digits

CALIBRATION = 200
CACHE = Path(tempfile.gettempdir()) / "fleras-int8-networks"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("networks", nargs="*", default=list(BODIES))
    parser.add_argument("--format", choices=FORMS, help="only this one")
    parser.add_argument("--natural", action="store_true", help="leave the rescaled ones out")
    parser.add_argument("--peers", type=Path, help="directory of the other tools' environments")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    keras.config.disable_interactive_logging()
    peers = installed(given.peers) if given.peers else []
    x, _, test, labels = digits()
    rows = []
    for name in given.networks:
        model = trained(name, CACHE)
        models = {"natural": model}
        if not given.natural:
            models["rescaled"] = rescaled(model, np.concatenate([x, test]))
        for kind, each in models.items():
            for form in [given.format] if given.format else FORMS:
                found = compared(each, form, x[:CALIBRATION], (test, labels), peers, given.peers)
                rows.append({"network": name, "kind": kind, "format": form} | found)
                print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
    Console(width=120).print(table(rows))
    if given.json:
        given.json.parent.mkdir(parents=True, exist_ok=True)
        given.json.write_text(json.dumps(rows, indent=1), encoding="utf-8")
    missed = failures(rows)
    print("\n".join(missed) or "every goal is met")
    sys.exit(bool(missed))


if __name__ == "__main__":
    main()
