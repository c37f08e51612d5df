"""Imports modules that a user named, and no others, from folders that are on no import path."""

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from importlib.machinery import ModuleSpec, PathFinder
from types import ModuleType
from typing import Any


def folders(*others: str) -> tuple[str, ...]:
    """Where a user's modules may be: the current folder, the script's own, and the given ones."""
    script = getattr(sys.modules["__main__"], "__file__", None)
    found = [os.getcwd(), *([os.path.dirname(os.path.abspath(script))] if script else []), *others]
    return tuple(dict.fromkeys(os.path.abspath(folder) for folder in found))


def import_named(name: str, names: Sequence[str], within: Sequence[str]) -> ModuleType:
    """The module `name`, which may import those of `names` that are in the folders `within`.

    What is on the import path goes first. The finder stays: a module may import late.
    """
    finder = NamedModules(frozenset(each.partition(".")[0] for each in names), tuple(within))
    if finder not in sys.meta_path:
        sys.meta_path.append(finder)
    return import_module(name)


@dataclass(frozen=True)
class NamedModules:
    """Finds top-level modules of these names in these folders."""

    names: frozenset[str]
    folders: tuple[str, ...]

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> ModuleSpec | None:
        """What the import system asks once nobody else knows the module."""
        if path is not None or name not in self.names:
            return None
        return PathFinder.find_spec(name, list(self.folders), target)
