"""A folder of images as inputs of a model: its size, its channels, and the range it takes."""

from pathlib import Path
from typing import Any

import keras
import numpy as np

from export.base.errors import InputError
from export.keras_model.ports import inputs
from export.keras_model.random_inputs import scales_its_input

SUFFIXES = (".bmp", ".gif", ".jpeg", ".jpg", ".png")
Range = tuple[float, float]
BYTES: Range = (0.0, 255.0)


def image_files(directory: Path) -> list[Path]:
    """The images in a folder and those in it, by name; folders of classes are common.

    There are none in a file, nor in a folder of arrays.
    """
    if any(file.suffix in (".npy", ".npz") for file in directory.glob("*")):
        return []
    files = (file for file in directory.rglob("*") if file.suffix.lower() in SUFFIXES)
    return sorted(file for file in files if file.is_file())


def read_images(
    model: keras.Model, files: list[Path], image_range: Range | None = None, most: int = 512
) -> np.ndarray:
    """Reads images as the model takes them, [n, height, width, channels].

    Args:
        model: with one input of known size.
        files: of any size; they are resized with bilinear interpolation.
        image_range: what pixels of 0 to 255 become; None takes them as they are where the model
            scales its input itself or takes bytes.
        most: how many are read, spread over all of them.

    Raises:
        InputError: the model takes no images, a file holds none, or the range is not known.
    """
    port, channels_first = _image_port(model)
    known = BYTES if scales_its_input(model) or "int" in port.dtype else None
    chosen = image_range or known
    if chosen is None:
        raise InputError(
            "the model does not scale its input, so what pixels become can't be known; "
            "give it, as --image-range 0,1 or --image-range=-1,1"
        )
    shape = (*port.shape[2:], port.shape[1]) if channels_first else port.shape[1:]
    low, high = chosen
    spread = np.linspace(0, len(files) - 1, min(most, len(files))).round().astype(int)
    images = np.stack([_read(files[at], shape) for at in spread])
    scaled = low + images * ((high - low) / 255)
    if "int" in port.dtype:
        scaled = np.round(scaled)
    scaled = scaled.astype(port.dtype)
    return np.moveaxis(scaled, -1, 1) if channels_first else scaled


def _image_port(model: keras.Model) -> tuple[Any, bool]:
    """The only input, and whether its channels come first."""
    ports = inputs(model)
    port = ports[0]
    if len(ports) != 1 or len(port.shape) != 4 or None in port.shape[1:]:
        raise InputError(
            "images suit a model with one input of four axes and a fixed size; "
            "give .npy or .npz files instead"
        )
    if port.shape[3] in (1, 3, 4):
        return port, False
    if port.shape[1] in (1, 3, 4):
        return port, True
    raise InputError(f"an image has no {port.shape[3]} channels; give .npy or .npz files instead")


def _read(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    import tensorflow as tf

    height, width, channels = shape
    try:
        image = tf.io.decode_image(file.read_bytes(), channels, expand_animations=False)
    except (OSError, tf.errors.InvalidArgumentError, tf.errors.UnimplementedError) as error:
        raise InputError(f"{file} is no image that can be read; remove it") from error
    resized: np.ndarray = tf.image.resize(image, (height, width), antialias=True).numpy()
    return resized
