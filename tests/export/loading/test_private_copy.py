import pytest

from export.base.errors import InputError
from export.loading import private_copy as module
from export.loading.private_copy import private_copy


@pytest.fixture
def folder(tmp_path):
    folder = tmp_path / "model"
    (folder / "variables").mkdir(parents=True)
    (folder / "saved_model.pb").write_bytes(b"model")
    (tmp_path / "secret").write_text("secret")
    return folder


def test_a_link_within_the_folder_is_copied_as_what_it_leads_to(folder):
    (folder / "variables" / "link").symlink_to("../saved_model.pb")
    with private_copy(folder) as copy:
        assert (copy.path / "variables" / "link").read_bytes() == b"model"
        assert not (copy.path / "variables" / "link").is_symlink()


@pytest.mark.parametrize(
    "target", ["../../secret", "/dev/zero", "/proc/self/environ", "/", "../.."]
)
def test_a_link_that_leads_out_is_refused(folder, target):
    (folder / "variables" / "link").symlink_to(target)
    with (
        pytest.raises(InputError, match="'link', a link that leads out of the folder"),
        private_copy(folder),
    ):
        pass


def test_a_link_that_leads_in_circles_is_left_out(folder):
    (folder / "loop").symlink_to("loop")
    with private_copy(folder) as copy:
        assert [path.name for path in copy.path.iterdir()] == ["saved_model.pb"]


def test_a_file_that_claims_more_than_there_is_space_is_not_copied(tmp_path, monkeypatch):
    with (tmp_path / "sparse.keras").open("wb") as file:
        file.truncate(1 << 43)
    monkeypatch.setattr(module, "_copied", None)
    with (
        pytest.raises(InputError, match="has 8796093022208 bytes, and"),
        private_copy(tmp_path / "sparse.keras"),
    ):
        pass
