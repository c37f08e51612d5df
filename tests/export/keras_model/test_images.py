import keras
import numpy as np
import pytest
import tensorflow as tf

from export.base.errors import InputError
from export.keras_model.calibration_sources import parts_of
from export.keras_model.images import image_files, read_images

L = keras.layers


def model(shape=(4, 6, 3), first=None, dtype="float32"):
    x = keras.Input(shape, dtype=dtype, name="image")
    y = first(x) if first else x
    return keras.Model(x, L.Flatten()(y))


def read(model, folder, image_range=None, **settings):
    return read_images(model, image_files(folder), image_range, **settings)


@pytest.fixture
def folder(tmp_path):
    """Two classes; each image is of one color, and twice as large as the model takes."""
    for at, name in enumerate(("cats/a.png", "dogs/b.PNG", "dogs/c.png")):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        image = np.full((8, 12, 3), 51 * (at + 1), np.uint8)
        path.write_bytes(tf.io.encode_png(image).numpy())
    (tmp_path / "readme.txt").write_text("no image")
    return tmp_path


@pytest.mark.parametrize(
    ("image_range", "expected"),
    [((0.0, 1.0), (0.2, 0.4, 0.6)), ((-1.0, 1.0), (-0.6, -0.2, 0.2)), ((0, 255), (51, 102, 153))],
)
def test_images_get_the_size_of_the_model_and_the_given_range(folder, image_range, expected):
    found = read(model(), folder, image_range)
    assert found.shape == (3, 4, 6, 3) and found.dtype == np.float32
    for image, value in zip(found, expected, strict=True):
        np.testing.assert_allclose(image, value, atol=1e-4)


@pytest.mark.parametrize("settings", [{"first": L.Rescaling(1 / 255)}, {"dtype": "uint8"}])
def test_a_model_that_takes_bytes_gets_bytes(folder, settings):
    (images,) = parts_of(model(**settings), folder)
    np.testing.assert_allclose(images[2], np.full((4, 6, 3), 153), rtol=1e-6)


def test_channels_are_the_models_and_may_come_first(folder):
    gray = read(model((4, 6, 1)), folder, (0.0, 1.0))
    np.testing.assert_allclose(gray[0], 0.2, atol=1e-2)
    assert read(model((3, 4, 6)), folder, (0.0, 1.0)).shape == (3, 3, 4, 6)


def test_what_can_not_be_known_is_asked_for(folder):
    with pytest.raises(InputError, match="--image-range"):
        parts_of(model(), folder)
    with pytest.raises(InputError, match="fixed size"):
        read(model((None, None, 3)), folder, (0.0, 1.0))
    with pytest.raises(InputError, match="has no 7 channels"):
        read(model((5, 6, 7)), folder, (0.0, 1.0))


def test_what_is_no_image_is_named(folder):
    (folder / "cats" / "b.jpg").write_bytes(b"JFIF nothing")
    with pytest.raises(InputError, match=r"b\.jpg is no image"):
        read(model(), folder, (0.0, 1.0))


def test_of_many_images_some_of_every_folder_are_taken(folder):
    found = read(model(), folder, (0.0, 255.0), most=2)
    assert [round(float(image.max())) for image in found] == [51, 153]
    assert [path.name for path in image_files(folder)] == ["a.png", "b.PNG", "c.png"]


def test_arrays_come_before_images(folder):
    np.save(folder / "data.npy", np.zeros((5, 4, 6, 3)))
    assert image_files(folder) == image_files(folder / "data.npy") == []
    (array,) = parts_of(model(), folder)
    assert array.shape == (5, 4, 6, 3)
