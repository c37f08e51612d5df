import pytest

from export.onnx_format.processor import overflows

CASES = [("avx2 fma", True), ("avx2 avx512_vnni fma", False), ("avx_vnni", False), ("", True)]


@pytest.mark.parametrize(("flags", "expected"), CASES)
def test_x86_needs_vnni_for_8_bits(flags, expected, tmp_path):
    info = tmp_path / "cpuinfo"
    info.write_text(f"processor : 0\nflags : fpu {flags}\n")
    assert overflows("x86_64", info) is expected


def test_arm_never_overflows_and_the_unknown_may(tmp_path):
    assert not overflows("aarch64", tmp_path / "none")
    assert overflows("AMD64", tmp_path / "none")
