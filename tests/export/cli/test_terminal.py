import pytest

from export.cli.terminal import Terminal


def test_an_error_is_one_line_on_standard_error(capfd):
    Terminal().error("first\n  second [bold]third[/bold]\t" + "x" * 300)
    out, err = capfd.readouterr()
    assert out == ""
    assert err == "error: first second [bold]third[/bold] " + "x" * 300 + "\n"


def test_results_go_to_standard_output_and_warnings_to_standard_error(capfd):
    terminal = Terminal()
    terminal.line("done [red]")
    terminal.warn(["mind the gap"])
    assert capfd.readouterr() == ("done [red]\n", "warning: mind the gap\n")


def test_quiet_leaves_errors_and_what_was_asked_for(capfd):
    terminal = Terminal()
    terminal.quiet = True
    terminal.line("done")
    terminal.warn(["mind"])
    with terminal.steps() as announce:
        announce("working")
    terminal.json({"a": 1})
    terminal.error("no")
    assert capfd.readouterr() == ('{\n  "a": 1\n}\n', "error: no\n")


def test_tables_keep_every_word_and_align_numbers(capfd):
    Terminal().table("Files", ["name", "size>"], [["[a]", 5], ["b", 1000]])
    lines = capfd.readouterr().out.splitlines()
    assert lines[0].strip() == "Files"
    assert any(line.split() == ["[a]", "5"] for line in lines)
    (short,), (long,) = ([x for x in lines if x.rstrip().endswith(n)] for n in (" 5", " 1000"))
    assert len(short.rstrip()) == len(long.rstrip())


def test_json_has_no_nan():
    with pytest.raises(ValueError, match="not JSON compliant"):
        Terminal().json({"a": float("nan")})


def test_a_table_for_a_pipe_does_not_depend_on_the_window(capfd, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    Terminal().table("Files", ["name"], [["x" * 60]])
    assert "x" * 60 in capfd.readouterr().out
