"""Custom objects that a user allows by name: this runs their code."""

import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from typing import Any

from export.base.errors import InputError


@dataclass(frozen=True)
class Custom:
    """Classes and functions outside Keras that may be built.

    Attributes:
        specs: "module:attribute", or "module" for everything that importing it registers. The
            attribute is a class, a function or a dict of such by name.
    """

    specs: tuple[str, ...] = ()

    def allows(self, kind: str, module: str, registered: str) -> bool:
        """Whether a serialised object was allowed by one of the specs."""
        for spec in self.specs:
            home, _, attribute = spec.partition(":")
            if attribute and attribute in (kind, registered.rpartition(">")[2]):
                return True
            if not attribute and (module == home or module.startswith(f"{home}.")):
                return True
        named = self.objects() if self.specs else {}
        return kind in named or registered in named

    def objects(self) -> dict[str, Any]:
        """Imports the modules and collects the objects by name.

        Raises:
            InputError: a module can't be imported, or has no such attribute.
        """
        found: dict[str, Any] = {}
        for spec in self.specs:
            value = _load(spec)
            if isinstance(value, dict):
                found |= value
            elif ":" in spec:
                found[getattr(value, "__name__", spec.partition(":")[2])] = value
        return found


def custom_objects(specs: Sequence[str]) -> Custom:
    """Checks the form of the specs; nothing is imported yet.

    Raises:
        InputError: one of them is not "module" or "module:attribute".
    """
    for spec in specs:
        parts = spec.replace(":", ".", 1).split(".")
        if not all(part.isidentifier() for part in parts):
            raise InputError(f"custom object {spec!r} is not of the form module:attribute")
    return Custom(tuple(specs))


def _load(spec: str) -> Any:
    home, _, attribute = spec.partition(":")
    if "" not in sys.path:
        sys.path.insert(0, "")
    try:
        module = import_module(home)
        return getattr(module, attribute) if attribute else module
    except Exception as error:
        raise InputError(f"custom object {spec!r} can't be imported ({error}); check it") from error
