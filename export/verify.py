"""Does this file compute what that Keras model computes?"""

from pathlib import Path
from typing import Any

import keras

from export.formats import engine_of
from export.loading.given import model_of
from export.verification.comparison import Comparison
from export.verification.make_reference import make_reference
from export.verification.replay import replay


def verify(
    model: keras.Model | str | Path,
    path: str | Path,
    inputs: Any = None,
    rtol: float | None = None,
    atol: float | None = None,
    *,
    precision: str = "float32",
    min_sqnr: float | None = None,
    trust: bool = False,
) -> Comparison:
    """Runs the file in its runtime, in a process of its own, against the model in float64.

    Both get a single example and a batch: standard normal, uniform in [0, 1], zeros, ones, large
    values, and 0 to 255 where the model scales its input itself; and the given inputs. ONNX files
    run with all of ONNX Runtime's optimisations and with none.

    Args:
        model: the original, not folded, or the path of its `.keras` file.
        path: an `.onnx` or `.tflite` file.
        inputs: the user's own data: an array, a sequence of arrays, or a dict by input name.
        rtol: bound on `|error|` relative to the reference; see `export.verification.tolerances`.
        atol: bound on `|error|` relative to the root mean square of the example's output.
        precision: of the file, see `export.verification.precisions`.
        min_sqnr: bound in decibel, for int8.
        trust: of the path of a model, see `export.load_model`.

    Returns:
        A `Comparison`: truthy when equivalent, with figures per output. A file that its runtime
        refuses, or crashes on, is a falsy comparison that says so.

    Raises:
        InputError: the model was never built, an input does not fit, or there is no such file.
    """
    path = Path(path)
    engine = engine_of(path)
    reference = make_reference(model_of(model, trust), inputs)
    return replay(
        reference, path, engine, precision=precision, rtol=rtol, atol=atol, min_sqnr=min_sqnr
    )
