"""What the text of an option becomes."""

from pathlib import Path

import click

from export.base.errors import InputError


def batch(ctx: click.Context, option: click.Parameter, value: str | None) -> int | str | None:
    """A size, or "dynamic"."""
    if value is None or value == "dynamic":
        return value
    if not value.isdecimal() or int(value) < 1:
        raise click.BadParameter(f"{value!r} is neither a size nor 'dynamic'.")
    return int(value)


def image_range(
    ctx: click.Context, option: click.Parameter, value: str | None
) -> tuple[float, float] | None:
    """Two numbers."""
    if value is None:
        return None
    try:
        low, high = (float(each) for each in value.split(","))
    except ValueError:
        raise click.BadParameter(f"{value!r} is not LOW,HIGH, such as 0,1.") from None
    return low, high


def metadata(
    ctx: click.Context, option: click.Parameter, value: tuple[str, ...]
) -> tuple[tuple[str, str], ...]:
    """Pairs of key and value."""
    pairs = [entry.partition("=") for entry in value]
    if wrong := [key for key, equals, _ in pairs if not (key and equals)]:
        raise click.BadParameter(f"{wrong[0]!r} is not KEY=VALUE.")
    return tuple((key, text) for key, _, text in pairs)


def labels(ctx: click.Context, option: click.Parameter, value: Path | None) -> tuple[str, ...]:
    """The lines of a text file."""
    if value is None:
        return ()
    try:
        return tuple(value.read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError) as error:
        raise InputError(f"can't read labels in {value}; give a text file of one a line") from error
