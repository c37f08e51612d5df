"""What every command takes for the two streams: --quiet, --debug and --verbose."""

from collections.abc import Callable
from typing import Any

import click


def with_terminal(command: Callable[..., Any]) -> Callable[..., Any]:
    """Adds --verbose, --debug and --quiet, and passes the terminal as the first argument."""

    def remember(ctx: click.Context, option: click.Parameter, value: bool) -> None:
        if value:
            setattr(ctx.find_root().obj, str(option.name), True)

    for name, text in (
        ("quiet", "Show errors and results only."),
        ("debug", "Show the traceback of an error."),
        ("verbose", "Show every figure."),
    ):
        command = click.option(
            *([f"--{name}", "-v"] if name == "verbose" else [f"--{name}"]),
            is_flag=True,
            expose_value=False,
            callback=remember,
            is_eager=True,
            help=text,
        )(command)
    return click.pass_obj(command)
