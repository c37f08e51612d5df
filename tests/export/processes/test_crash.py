from export.processes.crash import crash_message

INFORMATION = (
    "I0000 00:00:1.2 3 port.cc:153] oneDNN custom operations are on. You may see different "
    "numerical results due to floating-point round-off errors"
)


def test_what_libraries_say_of_themselves_is_no_reason():
    assert "oneDNN" not in crash_message("the conversion", -11, INFORMATION, True)
    both = f"check failed: rank\n{INFORMATION}"
    assert "SIGSEGV): check failed: rank;" in crash_message("the conversion", -11, both, True)
