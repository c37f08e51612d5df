"""Text that may come from a stranger, as it can be shown."""


def visible(text: str) -> str:
    """`text` with everything escaped that a terminal obeys instead of showing it.

    Control characters, line ends, marks that change the direction of writing, and the bytes of file
    names that are no text. Twice is as once.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def one_line(text: str) -> str:
    """The same, with every run of white space a blank."""
    return visible(" ".join(text.split()))
