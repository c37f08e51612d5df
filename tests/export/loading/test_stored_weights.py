"""Weights in HDF5: numbers in the file itself, no more than it can hold."""

import io
from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import h5py
import numpy as np
import pytest

from export.base.errors import InputError
from export.loading.stored_weights import _opened, check_hdf5

CONTENT = np.random.default_rng(0).bytes(100_000)


@pytest.mark.parametrize("kind", [ZIP_STORED, ZIP_DEFLATED])
def test_a_member_is_what_was_written(kind, tmp_path):
    path = tmp_path / "archive.zip"
    member = ZipInfo("weights.h5")
    member.compress_type, member.extra = kind, b"\x99\x99\x04\x00abcd"
    with ZipFile(path, "w") as archive:
        archive.writestr("before", b"x" * 777)
        with archive.open(member, "w", force_zip64=True) as file:
            file.write(CONTENT)
        archive.writestr("after", b"y" * 777)
    with (
        ZipFile(path) as archive,
        _opened(archive, archive.getinfo("weights.h5"), path) as file,
    ):
        assert file.read() == CONTENT and file.read() == b""
        file.seek(-70_000, 2)
        assert file.read(10) == CONTENT[-70_000:-69_990]
        file.seek(5)
        assert file.read(9) == CONTENT[5:14]


def soft(file):
    file["other"] = h5py.SoftLink("/honest")


def external(file):
    file["other"] = h5py.ExternalLink("/etc/passwd", "/")


def elsewhere(file):
    file.create_dataset("other", (4,), "u1", external=[("/etc/passwd", 0, 4)])


def virtual(file):
    layout = h5py.VirtualLayout((4,), "u1")
    layout[:] = h5py.VirtualSource("/etc/passwd", "x", (4,))
    file.create_virtual_dataset("other", layout)


def objects(file):
    file.create_dataset("other", (2,), h5py.string_dtype())


def references(file):
    file.create_dataset("other", (2,), h5py.ref_dtype)


def regions(file):
    file.create_dataset("other", (2,), h5py.regionref_dtype)


def records(file):
    file.create_dataset("other", (2,), [("a", "<f4")])


def huge(file):
    file.create_dataset("other", (1 << 40,), "f4", chunks=(1 << 10,))


def huge_together(file):
    for at in range(30):
        file.create_dataset(f"other{at}", (1 << 16,), "f4", chunks=(1 << 10,), compression="gzip")


def foreign_filter(file):
    settings = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    settings.set_chunk((4,))
    settings.set_filter(32015, h5py.h5z.FLAG_OPTIONAL)
    space, kind = h5py.h5s.create_simple((4,)), h5py.h5t.IEEE_F32LE
    h5py.h5d.create(file.id, b"other", kind, space, settings)


def within(file):
    group = file.create_group("deep/er")
    group["loop"] = file["deep"]
    external(group)


REFUSED = {
    soft: "are a link", external: "are a link", within: "are a link",
    elsewhere: "another file", virtual: "another file",
    objects: "no numbers", references: "no numbers", regions: "no numbers", records: "no numbers",
    huge: "more than the file can hold", huge_together: "more than the file can hold",
    foreign_filter: "filter 32015, which needs a library",
}  # fmt: skip


def checked(*changes):
    buffer = io.BytesIO()
    with h5py.File(buffer, "w") as file:
        file["honest"] = np.ones((3, 2), "float32")
        file.create_dataset("packed", (300, 20), "f4", compression="gzip", shuffle=True)
        for change in changes:
            change(file)
    with h5py.File(buffer, "r") as file:
        check_hdf5(file, "w.h5", len(buffer.getvalue()))


@pytest.mark.parametrize("change", REFUSED, ids=lambda change: change.__name__)
def test_what_is_no_plain_array_is_refused(change):
    with pytest.raises(InputError, match=REFUSED[change]):
        checked(change)


def test_honest_weights_pass():
    checked()
