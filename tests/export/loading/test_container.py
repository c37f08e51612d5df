import stat
import zipfile

import pytest

from export.base.errors import InputError
from export.loading.container import check_container
from export.loading.source import kind_of
from tests.export.archives import members, write


def refused(path, match):
    with pytest.raises(InputError, match=match) as caught:
        check_container(path)
    assert "\n" not in str(caught.value)
    assert ";" in str(caught.value)


def test_an_honest_archive_passes(source):
    check_container(source)


def test_no_file_a_directory_an_empty_file_and_no_archive(tmp_path):
    refused(tmp_path / "absent.keras", "there is no file")
    refused(tmp_path, "is a directory")
    (tmp_path / "empty.keras").touch()
    refused(tmp_path / "empty.keras", "is empty")
    (tmp_path / "text.keras").write_text("hello")
    refused(tmp_path / "text.keras", "not a .keras archive")


@pytest.mark.parametrize("share", [0.01, 0.5, 0.9, 0.999])
def test_a_truncated_archive(source, tmp_path, share):
    content = source.read_bytes()
    cut = tmp_path / "cut.keras"
    cut.write_bytes(content[: int(share * len(content))])
    refused(cut, "cut off")


def test_a_flipped_bit_anywhere_in_the_weights(source, tmp_path):
    content = bytearray(source.read_bytes())
    content[len(content) // 2] ^= 1
    (tmp_path / "flipped.keras").write_bytes(content)
    refused(tmp_path / "flipped.keras", "Bad CRC-32")


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "..\\evil", "C:evil"])
def test_names_that_lead_out_of_the_archive(source, tmp_path, name):
    path = write(tmp_path / "path.keras", members(source) | {name: b"x"})
    refused(path, "leads out of the archive")


def test_symbolic_links(source, tmp_path):
    link = zipfile.ZipInfo("assets")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    path = write(tmp_path / "link.keras", {**members(source), link: "/etc/passwd"})
    refused(path, "a link or a device")


def test_a_decompression_bomb(source, tmp_path):
    contents = members(source) | {"bomb": bytes(64 << 20)}
    path = write(tmp_path / "bomb.keras", contents, zipfile.ZIP_DEFLATED)
    assert path.stat().st_size < 1 << 20
    refused(path, "decompression bomb")


def test_a_declared_size_that_is_not_the_real_one(source, tmp_path):
    content = source.read_bytes()
    at = content.rindex(b"PK\x01\x02")
    forged = content[: at + 24] + (2**31).to_bytes(4, "little") + content[at + 28 :]
    (tmp_path / "forged.keras").write_bytes(forged)
    refused(tmp_path / "forged.keras", "decompression bomb")


def test_repeated_members(source, tmp_path):
    path = write(tmp_path / "twice.keras", members(source))
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr("config.json", b"{}")
    refused(path, "repeated")


def test_an_archive_that_is_no_model(tmp_path):
    refused(write(tmp_path / "docs.keras", {"word/document.xml": b""}), "no config.json")


def test_an_encrypted_member(source, tmp_path):
    content = bytearray(source.read_bytes())
    at = content.rindex(b"PK\x01\x02")
    content[at + 8] |= 1
    (tmp_path / "locked.keras").write_bytes(content)
    refused(tmp_path / "locked.keras", "encrypted")


def test_an_archive_of_several_disks(source, tmp_path):
    content = source.read_bytes()
    at = content.rindex(b"PK\x05\x06")
    locator = b"PK\x06\x07" + bytes(15) + b"\x09"
    (tmp_path / "disks.keras").write_bytes(content[:at] + locator + content[at:])
    refused(tmp_path / "disks.keras", "multiple disks")
    with pytest.raises(InputError, match="multiple disks"):
        kind_of(tmp_path / "disks.keras")


def test_a_directory_of_members_that_is_damaged(source, tmp_path):
    content = source.read_bytes()
    at = content.index(b"PK\x01\x02")
    (tmp_path / "odd.keras").write_bytes(content[:at] + b"PK\x01\x09" + content[at + 4 :])
    assert zipfile.is_zipfile(tmp_path / "odd.keras")
    with pytest.raises(InputError, match="Bad magic number"):
        kind_of(tmp_path / "odd.keras")
