import h5py
import numpy as np
import pytest

from export.errors import InputError
from export.loading.stored_weights import check_weights
from tests.export.archives import members, save_net, with_weights, write


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    path = tmp_path_factory.mktemp("honest") / "model.keras"
    save_net(path)
    return path


def external(file):
    file["stolen"] = h5py.ExternalLink("/etc/passwd", "/")


def soft(file):
    file["soft"] = h5py.SoftLink("/layers")


def outside(file):
    file.create_dataset("raw", (8,), "u1", external=[("/etc/passwd", 0, 8)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "f4")
    layout[:] = h5py.VirtualSource("/tmp/secret.h5", "x", (4,))
    file.create_virtual_dataset("virtual", layout)


def references(file):
    kind = h5py.special_dtype(ref=h5py.Reference)
    file.create_dataset("pointers", (1,), kind)[0] = file["layers"].ref


def objects(file):
    file.create_dataset("words", (2,), h5py.string_dtype())


def fields(file):
    kind = np.dtype([("a", "f4"), ("b", h5py.special_dtype(ref=h5py.Reference))])
    file.create_dataset("fields", (2,), kind)


def compressed(file):
    file.create_dataset("bomb", (1 << 40,), "f4", chunks=(1 << 10,), compression="gzip")


def never_written(file):
    file.create_dataset("bomb", (1 << 30,), "f4")


def deep_inside(file):
    outside(file.create_group("a/b/c/d"))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (external, "are a link"),
        (soft, "are a link"),
        (outside, "lie in another file"),
        (virtual, "lie in another file"),
        (references, "are no numbers"),
        (objects, "are no numbers"),
        (fields, "are no numbers"),
        (compressed, "more than the file can hold"),
        (never_written, "more than the file can hold"),
        (deep_inside, "lie in another file"),
    ],
)
def test_what_keras_never_writes_is_refused(honest, tmp_path, change, reason):
    with pytest.raises(InputError, match=reason) as caught:
        check_weights(with_weights(honest, tmp_path / "model.keras", change))
    assert "\n" not in str(caught.value)


def test_honest_weights_pass(honest):
    check_weights(honest)


def test_cycles_and_many_ways_to_the_same_group_end(honest, tmp_path):
    def tangle(file):
        group = file.create_group("start")
        file["start/again"] = file["start"]
        for _ in range(40):
            inner = group.create_group("left")
            group["right"] = inner
            group = inner

    check_weights(with_weights(honest, tmp_path / "model.keras", tangle))


def test_damaged_pieces_are_one_line(honest, tmp_path):
    def squeeze(file):
        data = np.random.default_rng(0).normal(size=4096)
        file.create_dataset("x", data=data, chunks=(4096,), compression="gzip")

    contents = members(with_weights(honest, tmp_path / "model.keras", squeeze))
    weights = bytearray(contents["model.weights.h5"])
    weights[-20_000:-10_000] = bytes(10_000)
    for damaged in (bytes(weights), b"noise" * 99, b""):
        path = write(tmp_path / "model.keras", contents | {"model.weights.h5": damaged})
        with pytest.raises(InputError, match="damaged weights") as caught:
            check_weights(path)
        assert "\n" not in str(caught.value)
