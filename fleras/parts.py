"""`fleras.export` and `fleras.fold`: the packages `export` and `fold`, whatever else has that name.

They are the same modules, so that a class is one class under both names. A file `export.py` of the
user, which would be found in the place of `export`, does not stand in the way of `fleras.export`.
"""

import sys
from collections.abc import Sequence
from importlib import import_module
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

PREFIX = "fleras."
PARTS = ("export", "fold")
HOME = Path(__file__).resolve().parents[1]


class Parts(MetaPathFinder):
    """Finds a part, and every module in it, under its longer name."""

    def find_spec(
        self, name: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """As the import system asks for; None for what is no part."""
        bare = name.removeprefix(PREFIX)
        if not name.startswith(PREFIX) or bare.partition(".")[0] not in PARTS:
            return None
        try:
            module = _own(bare)
        except ModuleNotFoundError as error:
            if error.name != bare:
                raise
            return None
        return ModuleSpec(name, _Same(module), is_package=hasattr(module, "__path__"))


class _Same(Loader):
    """Loads nothing: the module is there under its own name."""

    def __init__(self, module: ModuleType) -> None:
        self._module, self._spec = module, module.__spec__

    def create_module(self, spec: ModuleSpec) -> ModuleType:
        return self._module

    def exec_module(self, module: ModuleType) -> None:
        module.__spec__ = self._spec


def _own(name: str) -> ModuleType:
    """The module of that name in this installation.

    Raises:
        ImportError: a module of the user has the name already.
    """
    top = name.partition(".")[0]
    init = HOME / top / "__init__.py"
    found = sys.modules.get(top)
    if found is None:
        _load(top, init)
    elif Path(found.__file__ or "").resolve() != init:
        raise ImportError(
            f"{found.__file__ or 'another module'} is imported as {top!r}, which fleras needs for "
            f"its own {top}; give yours another name, or import fleras.{top} first"
        )
    return import_module(name)


def _load(top: str, init: Path) -> None:
    spec = spec_from_file_location(top, init, submodule_search_locations=[str(init.parent)])
    if spec is None or spec.loader is None:
        raise ImportError(f"there is no {init}; install fleras again")
    sys.modules[top] = module_from_spec(spec)
    try:
        spec.loader.exec_module(sys.modules[top])
    except BaseException:
        del sys.modules[top]
        raise


def offer() -> None:
    """Makes the longer names importable."""
    if not any(isinstance(finder, Parts) for finder in sys.meta_path):
        sys.meta_path.insert(0, Parts())
