"""What native code and Keras say over pages, as one sentence without traces or paths."""

import re

LIMIT = 300
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
EMPHASIS = re.compile(r"\x1b\[1m(.+?)\x1b\[0m", re.DOTALL)
LOCATION = re.compile(r"\s*(?:loc\([^)]*\)|[^\s:]+:\d+(?::\d+)?): *")
CAUSE = "Error encountered:"
COMPILER = re.compile("MLIR|<unknown>:0: ")
UNKNOWN = re.compile(r"\s*<unknown>:0: (?=note: )")
PATH = re.compile(r"(?<![\w.:/])/(?:[\w.@+ -]+/)+")
DETAIL = re.compile(r" *\(?/?[\w./-]*\.cc:\d+\)? *")
TRACE = ("note: ", "^", "File ", "Traceback", "See instructions")


def sentence(text: str) -> str:
    """The first thing in `text` that says what is wrong, on one line of at most `LIMIT` characters.

    Keras prints it in bold behind its own introduction; MLIR puts each error in a line of its own,
    amid the Python lines that it was called from; others begin with it.
    """
    bold = EMPHASIS.search(text)
    plain_text = bold.group(1) if bold else COLOUR.sub("", text)
    lines = UNKNOWN.sub("\n", plain_text.split(CAUSE)[-1]).splitlines()
    errors = [_bare(line.split("error: ", 1)[1]) for line in lines if "error: " in line]
    plain = [line for line in lines if not _is_trace(line)]
    chosen = errors[:1] if errors and COMPILER.search(text) else plain
    clean = PATH.sub("", DETAIL.sub(" ", " ".join(chosen)))
    words = " ".join(clean.split())
    return words if len(words) <= LIMIT else words[:LIMIT].rsplit(" ", 1)[0] + " ..."


def _is_trace(line: str) -> bool:
    return _bare(line).strip().startswith(TRACE)


def _bare(line: str) -> str:
    location = LOCATION.match(line)
    return line[location.end() :] if location else line
