"""The command line `fleras`."""

import sys
import traceback
import warnings
from collections.abc import Sequence
from contextlib import suppress
from difflib import get_close_matches
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from export.base.errors import EXIT_CODES, ConversionError, ExportError, InputError
from export.base.system_limits import system_limit
from export.base.visible import visible
from export.cli.output import OutputError, check_surroundings, standard_streams
from export.cli.settings import FILE, defaults, read_settings
from export.cli.signals import exit_code_of, raise_on_signals
from export.cli.steps import PATIENCE
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal

COMMANDS = {
    "export": "Write ONNX and TFLite files of a Keras model, folded and verified.",
    "inspect": "Show what would become of each batch norm; writes nothing.",
    "convert": "Write an old model, of Keras 2 or in HDF5, as a .keras file of Keras 3.",
    "verify": "Check files against a Keras model or against their manifest.",
    "benchmark": "Time ONNX and TFLite files side by side.",
    "demo": "Train a small network on handwritten digits and export it.",
    "doctor": "Look for what usually breaks an export on this machine.",
}


class Commands(click.Group):
    """Imports a command when it is asked for, so that `fleras --help` is quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """In the order in which one uses them."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command, or None for a name that is none."""
        if cmd_name not in COMMANDS:
            return None
        command: click.Command = import_module(f"export.cli.{cmd_name}").command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, and for a name that is none the nearest one."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            near = get_close_matches(args[0], COMMANDS, 1)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            raise click.UsageError(f"No such command {args[0]!r}.{hint}")
        name, command, rest = super().resolve_command(ctx, args)
        if command is not None and (path := _settings_file(ctx)):
            tables = read_settings(path, COMMANDS)
            table = tables.get(str(name), {})
            ctx.default_map = {str(name): defaults(path, str(name), command, table)}
            if table:
                ctx.obj.note(f"{path} sets {', '.join(table)}")
        return name, command, rest

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The list in the help text, without importing any of them."""
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The exit codes."""
        with formatter.section("Exit codes"):
            formatter.write_dl([(str(code), text) for code, text in EXIT_CODES.items()])


def _settings_file(ctx: click.Context) -> Path | None:
    return ctx.params.get("config") or (FILE if FILE.is_file() else None)


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="fleras", prog_name="fleras")
@click.option(
    "--config",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Options of the commands, in TOML; by default fleras.toml of the current folder.",
)
@with_terminal
def cli(terminal: Terminal, config: Path | None) -> None:
    """Takes a Keras model from training to deployment with no batch norm left in it."""


def main(arguments: Sequence[str] | None = None) -> None:
    """The console script; ends the process with the exit code."""
    given = sys.argv[1:] if arguments is None else arguments
    raise_on_signals()
    with standard_streams(native_noise="--debug" in given):
        code = run(given, patience=0.0)
    sys.exit(code)


def run(arguments: Sequence[str], patience: float = PATIENCE) -> int:
    """Runs one command and returns its exit code; every error is one line on standard error.

    Args:
        arguments: without the name of the program.
        patience: seconds after which steps are shown; importing what a command needs blocks.
    """
    warnings.simplefilter("ignore")
    terminal = Terminal()
    terminal.as_json = "--json" in arguments
    terminal.patience = patience
    try:
        check_surroundings()
        code: Any = cli.main(list(arguments), "fleras", standalone_mode=False, obj=terminal)
        sys.stdout.flush()
        return int(code or 0)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.format_message(), err=True)
        return InputError.exit_code
    except (Exception, KeyboardInterrupt) as error:
        message, code = _explained(error)
        return _fail(terminal, message, code)


def _explained(error: BaseException) -> tuple[str, int]:
    """What to say, and the exit code."""
    match error:
        case ExportError():
            return str(error), error.exit_code
        case click.ClickException():
            return f"{error.format_message()} See fleras --help.", InputError.exit_code
        case click.Abort() | KeyboardInterrupt():
            return "interrupted; no file is half written", exit_code_of(error)
        case ModuleNotFoundError() if error.name and not error.name.startswith("export"):
            needed = "which this command needs; pip install 'fleras[export]'"
            return f"{error.name} is not installed, {needed}", InputError.exit_code
        case MemoryError():
            return "there is not enough memory; use a smaller model or input", InputError.exit_code
    reason = f"{type(error).__name__}: {error}".strip(": ")
    system = isinstance(error, OSError) or system_limit(error)
    code = InputError.exit_code if system else ConversionError.exit_code
    return f"{reason}; see --debug for where", code


def _fail(terminal: Terminal, message: str, code: int) -> int:
    if terminal.debug:
        for line in traceback.format_exc().splitlines():
            print(visible(line), file=sys.stderr)
    if terminal.as_json:
        with suppress(OutputError):
            terminal.json({"error": message, "exit_code": code})
            sys.stdout.flush()
    terminal.error(message)
    return code
