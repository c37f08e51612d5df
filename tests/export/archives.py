"""Makes `.keras` archives, honest and hostile."""

import io
import json
import zipfile

import h5py
import keras
import numpy as np

from sample_models.batch_norms import randomise


def save_net(path, name="net"):
    """A small convolutional network with randomised batch norms."""
    keras.utils.set_random_seed(3)
    x = keras.Input((8, 8, 2), name="image")
    y = keras.layers.Conv2D(4, 3, name="conv")(x)
    y = keras.layers.BatchNormalization(name="bn")(y)
    y = keras.layers.Flatten()(keras.layers.ReLU()(y))
    model = randomise(keras.Model(x, keras.layers.Dense(3, name="scores")(y), name=name))
    model.save(path)
    return model


def members(path):
    """Name to content, in order."""
    with zipfile.ZipFile(path) as archive:
        return {info.filename: archive.read(info) for info in archive.infolist()}


def write(path, contents, compression=zipfile.ZIP_STORED):
    """An archive of these members; a key may be a ZipInfo."""
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in contents.items():
            archive.writestr(name, content)
    return path


def with_config(source, path, change):
    """A copy of the archive whose configuration went through `change`."""
    contents = members(source)
    config = json.loads(contents["config.json"])
    change(config)
    contents["config.json"] = json.dumps(config)
    return write(path, contents)


def with_weights(source, path, change):
    """A copy of the archive whose HDF5 file went through `change`, with a right checksum."""
    contents = members(source)
    buffer = io.BytesIO(contents["model.weights.h5"])
    with h5py.File(buffer, "r+") as file:
        change(file)
    contents["model.weights.h5"] = buffer.getvalue()
    return write(path, contents)


def mutate(content, rng):
    """One of: bits flipped, bytes overwritten, cut off, a piece removed, a piece repeated."""
    data = bytearray(content)
    at = int(rng.integers(len(data)))
    size = int(rng.integers(1, 64))
    match int(rng.integers(5)):
        case 0:
            for index in rng.integers(len(data), size=int(rng.integers(1, 9))):
                data[index] ^= 1 << int(rng.integers(8))
        case 1:
            data[at : at + size] = rng.bytes(len(data[at : at + size]))
        case 2:
            del data[at:]
        case 3:
            del data[at : at + size]
        case 4:
            data[at:at] = data[at : at + size]
    return bytes(data)


def generator(seed):
    return np.random.default_rng(seed)
