"""A small network with batch norms, saved once for each file of tests."""

import pytest

from tests.export.archives import save_net


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    path = tmp_path_factory.mktemp("source") / "net.keras"
    save_net(path)
    return path
