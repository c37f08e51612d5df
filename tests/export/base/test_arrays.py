import io
import struct
import zipfile

import numpy as np
import pytest

from export.base.arrays import npy, read_arrays
from export.base.errors import InputError


def header(text, version=b"\x01\x00"):
    content = text.encode()
    size = struct.pack("<H" if version == b"\x01\x00" else "<I", len(content))
    return b"\x93NUMPY" + version + size + content


def declared(shape, descr="<f4"):
    return header(f"{{'descr': {descr!r}, 'fortran_order': False, 'shape': {shape}}}\n")


def zipped(content, method=zipfile.ZIP_STORED, **fields):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", method) as archive:
        archive.writestr("x.npy", content)
    return buffer.getvalue()


def pickled():
    buffer = io.BytesIO()
    np.save(buffer, np.array([{}]), allow_pickle=True)
    return buffer.getvalue()


REFUSED = {
    "pickle": pickled(),
    "pickle in an archive": zipped(pickled()),
    "text": b"no arrays",
    "empty": b"",
    "cut off": b"\x93NUMPY\x01\x00",
    "no such version": header("{}", b"\x09\x00"),
    "no header": header("{'descr': '<f4',\0\0 'shape': (2,"),
    "records": declared((1,), [("a", "<f4")]) + bytes(4),
    "terabytes": declared((1 << 40,)) + bytes(64),
    "terabytes in an archive": zipped(declared((1 << 20, 1 << 20)) + bytes(64)),
    "negative": declared((-1, -(1 << 40))) + bytes(64),
    "less than nothing": declared((-1,)),
    "one short": declared((4,)) + bytes(15),
    "damaged archive": zipped(declared((4,)) + bytes(16))[:-30],
    "archive of text": zipped(b"no array"),
    "bomb": zipped(declared((1 << 24,), "|u1") + bytes(1 << 24), zipfile.ZIP_LZMA),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_holds_no_arrays_is_refused_before_it_takes_memory(name, tmp_path, monkeypatch):
    monkeypatch.setattr(npy, "read_array", lambda *_, **__: pytest.fail("was read"))
    (tmp_path / "given.npz").write_bytes(REFUSED[name])
    with pytest.raises(InputError, match=r"given\.npz holds no arrays; give"):
        read_arrays(tmp_path / "given.npz")


def test_honest_files(tmp_path):
    np.save(tmp_path / "one.npy", np.ones((3, 2), order="F"))
    np.save(tmp_path / "words.npy", np.array(["one", "two"]))
    np.savez_compressed(tmp_path / "zeros.npz", x=np.zeros((4000, 1000)), y=np.float32(1))
    np.testing.assert_array_equal(read_arrays(tmp_path / "one.npy"), np.ones((3, 2)))
    assert read_arrays(tmp_path / "words.npy").tolist() == ["one", "two"]
    found = read_arrays(tmp_path / "zeros.npz")
    assert found.keys() == {"x", "y"} and found["x"].shape == (4000, 1000) and found["y"] == 1
    with pytest.raises(InputError, match="there is no file"):
        read_arrays(tmp_path / "absent.npy")
