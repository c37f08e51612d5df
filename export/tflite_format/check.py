"""Has the TFLite file only operators that LiteRT has? Runs in the child."""

from pathlib import Path

from export.base.errors import ConversionError
from export.tflite_format.flatbuffer import BUILTINS, operators


def check(path: Path, allow_flex: bool = False) -> list[str]:
    """Raises ConversionError unless LiteRT has every operator in the file.

    Returns:
        The operators in it that only TensorFlow's own kernels can run.
    """
    custom = [name for name in operators(path.read_bytes()) if name not in BUILTINS.values()]
    foreign = [name for name in custom if not (allow_flex and name.startswith("Flex"))]
    if foreign:
        raise ConversionError(
            f"uses what LiteRT has no operator for ({', '.join(foreign)}); "
            "replace the layer, or give --allow-flex (allow_flex=True)"
        )
    return custom
