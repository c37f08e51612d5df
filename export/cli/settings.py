"""Options from `fleras.toml`: one table for each command, with the long names of its options."""

import tomllib
from collections.abc import Collection, Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import click

from export.base.errors import InputError

FILE = Path("fleras.toml")
RUNS_CODE = {"custom_objects", "lambdas", "trust"}


def read_settings(path: Path, commands: Collection[str]) -> dict[str, dict[str, Any]]:
    """The tables of a settings file.

    Raises:
        InputError: it can't be read, or holds something that is no table of a command.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"can't read {path} ({error.strerror}); check the name") from error
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path} is no TOML: {error}") from error
    for name, table in tables.items():
        if name not in commands or not isinstance(table, dict):
            raise InputError(
                f"{path} has {name!r}, and holds tables of commands alone, such as [export]"
            )
    return tables


def defaults(
    path: Path, name: str, command: click.Command, table: Mapping[str, Any]
) -> dict[str, Any]:
    """The values of a table by the names that the command gives its parameters.

    Paths in it are relative to the file.

    Raises:
        InputError: a name is none of the command's, or that of an option that runs code.
    """
    params = {key: param for param in command.params for key in _names(param)}
    found = {}
    for key, value in table.items():
        if key not in params:
            near = get_close_matches(key, params, 1)
            hint = f"; did you mean {near[0]!r}?" if near else ""
            raise InputError(f"{path} sets {key!r}, which is no option of {name}{hint}")
        param = params[key]
        if param.name in RUNS_CODE:
            raise InputError(f"{path} sets {key!r}; what runs code stands on the command line")
        if isinstance(param.type, click.Path) and isinstance(value, str):
            value = str(path.parent / value)
        if isinstance(value, dict):
            value = [f"{entry}={text}" for entry, text in value.items()]
        if isinstance(value, list) and not param.multiple:
            value = ",".join(map(str, value))
        found[str(param.name)] = value
    return found


def _names(param: click.Parameter) -> list[str]:
    """As on the command line, without the dashes; an argument by its own name."""
    if isinstance(param, click.Argument):
        return [str(param.name)]
    return [name[2:] for name in param.opts if name.startswith("--")]
