"""Custom objects that a user allows by name: this runs their code."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from export.base.errors import InputError
from export.loading.allowed import CODE
from export.loading.import_named import folders, import_named


@dataclass(frozen=True)
class Custom:
    """Classes and functions outside Keras that may be built.

    Attributes:
        specs: "module:attribute", or "module" for everything that importing it registers. The
            attribute is a class, a function or a dict of such by name.
        folders: where their modules may be besides the import path.
        lambdas: the name of a Lambda layer and "module:attribute" of the function that takes the
            place of its code.
    """

    specs: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()
    lambdas: tuple[tuple[str, str], ...] = ()

    def allows(self, name: str, module: str, registered: str, function: bool) -> bool:
        """Whether what Keras would build for this class or function is among the objects."""
        if not self.specs and not self.lambdas:
            return False
        from keras.saving import get_custom_objects

        objects = self.objects()
        found = (objects | get_custom_objects()).get(name if function else registered or name)
        if found is None:
            return f"{module}:{name}" in self.specs
        homes = tuple(f"{spec}." for spec in self.specs if ":" not in spec)
        named = any(found is each for each in objects.values())
        return named or f"{found.__module__}.".startswith(homes)

    def replaces(self, node: Mapping[str, Any]) -> bool:
        """Whether a serialized layer is a Lambda of which the function is given."""
        config = node.get("config")
        named = config.get("name") if isinstance(config, dict) else None
        own = node.get("class_name") == "Lambda" and node.get("module") == "keras.layers"
        return own and any(named == name for name, _ in self.lambdas)

    def objects(self) -> dict[str, Any]:
        """Imports the modules and collects the objects by name.

        Raises:
            InputError: a module can't be imported, or has no such attribute.
        """
        found: dict[str, Any] = {}
        for spec in self.specs:
            value = self._load(spec)
            if isinstance(value, dict):
                found |= {name: each for name, each in value.items() if not _is_of_keras(each)}
            elif ":" in spec:
                found[getattr(value, "__name__", spec.partition(":")[2])] = value
        functions = self.lambda_functions().values()
        return found | {function.__name__: function for function in functions}

    def lambda_functions(self) -> dict[str, Any]:
        """Imports what takes the place of Lambdas, by the name of the layer.

        Raises:
            InputError: a module can't be imported, or has no such attribute.
        """
        return {name: self._load(spec) for name, spec in self.lambdas}

    @contextmanager
    def code_allowed(self) -> Iterator[None]:
        """Builds the named layers of Keras, and only these, with the code that a file holds.

        Keras' own safe mode is for a whole file: it stays on for all other layers.
        """
        named = [cls for name, cls in self.objects().items() if name in CODE]
        own = {cls: vars(cls)["from_config"] for cls in named}
        for cls, method in own.items():
            cls.from_config = classmethod(_unsafe(method.__func__))
        try:
            yield
        finally:
            for cls, method in own.items():
                cls.from_config = method

    def _load(self, spec: str) -> Any:
        home, _, attribute = spec.partition(":")
        named = [*self.specs, *(each for _, each in self.lambdas)]
        modules = [each.partition(":")[0] for each in named]
        try:
            module = import_named(home, modules, self.folders)
            return getattr(module, attribute) if attribute else module
        except Exception as error:
            raise InputError(
                f"custom object {spec!r} can't be imported ({error}); check it, "
                "and name the other modules that it needs as well"
            ) from error


def custom_objects(specs: Sequence[str], beside: str = "", lambdas: Sequence[str] = ()) -> Custom:
    """Checks the form of the specs; nothing is imported yet.

    Args:
        specs: see `Custom`.
        beside: a folder in which their modules may be, with the current one and the script's.
        lambdas: "name=module:attribute", see `Custom`.

    Raises:
        InputError: one of them is not "module" or "module:attribute", or a Lambda is not
            "name=module:attribute".
    """
    pairs = [(name, spec) for name, _, spec in (entry.rpartition("=") for entry in lambdas)]
    for name, spec in pairs:
        if not name or ":" not in spec:
            raise InputError(f"Lambda {name or spec!r} is not of the form name=module:function")
    for spec in (*specs, *(spec for _, spec in pairs)):
        parts = spec.replace(":", ".", 1).split(".")
        if not all(part.isidentifier() for part in parts):
            raise InputError(f"custom object {spec!r} is not of the form module:attribute")
    within = folders(*filter(None, [beside])) if specs or lambdas else ()
    return Custom(tuple(specs), within, tuple(pairs))


def _is_of_keras(value: Any) -> bool:
    return str(getattr(value, "__module__", "")).partition(".")[0] == "keras"


def _unsafe(build: Any) -> Any:
    from export.keras_patches.safe_mode import SafeModeScope

    def from_config(cls: type, config: dict[str, Any], **settings: Any) -> Any:
        with SafeModeScope(False):
            return build(cls, config, **settings)

    return from_config
