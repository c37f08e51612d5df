"""A member of an archive is read the same whether it is compressed or a part of the file."""

from zipfile import ZIP_DEFLATED, ZIP_STORED, ZipFile, ZipInfo

import numpy as np
import pytest

from export.loading.stored_weights import _opened

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
