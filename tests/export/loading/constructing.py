"""Builds what is in the list of allowed objects from arbitrary JSON; in the confined process."""

import inspect
import sys
import time
import tomllib
from contextlib import suppress
from importlib import import_module
from pathlib import Path

from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from export.loading import allowed
from tests.export.loading.hostile import node

LISTED = tomllib.loads(Path(allowed.__file__).with_suffix(".toml").read_text())
HARM = (
    *("socket.connect", "socket.getaddrinfo", "socket.bind", "subprocess.Popen", "os.system"),
    *("os.exec", "os.posix_spawn", "os.fork", "os.remove", "os.rename", "os.mkdir", "os.symlink"),
    *("os.chmod", "shutil.rmtree", "urllib.Request", "pickle.find_class"),
)
WRITING = ("w", "a", "x", "+")
LONGEST = 5.0

SIZES = [-(10**18), -1, 0, 1, 2, 3, 7, 10**4, 10**6, 10**9, 10**12, 10**18, 10**30]
WORDS = ["", "relu", "same", "valid", "float32", "int64", "zeros", "/etc/passwd", "../x"]
KEYS = st.text(max_size=5)
LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.sampled_from(SIZES),
    st.floats(width=32),
    st.sampled_from(WORDS),
    KEYS,
)
JSON = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=3),
    max_leaves=8,
)


def construct(scratch: str, kinds: list[str], examples: int) -> list[str]:
    """What was seen to do harm or to take long."""
    import fleras  # noqa: F401 - registers its layer

    found, events = [], []
    sys.addaudithook(
        lambda event, args: events.append((event, args)) if _harms(event, args) else None
    )
    for kind, module, name in _entries(kinds):
        fields = dict.fromkeys(_parameters(kind, module, name), JSON)
        found += _tried(module, name, st.fixed_dictionaries({}, optional=fields), examples, events)
    return found


def _tried(module: str, name: str, fields, examples: int, events: list) -> list[str]:
    import keras

    found = []

    @seed(0)
    @settings(
        max_examples=examples, deadline=None, database=None,
        suppress_health_check=list(HealthCheck),
    )  # fmt: skip
    @given(fields)
    def attempt(config):
        events.clear()
        began = time.monotonic()
        with suppress(Exception):
            keras.saving.deserialize_keras_object(node(name, module, config, None))
        if events:
            found.append(f"{module}:{name} {config} {str(events[0])[:200]}")
        if time.monotonic() - began > LONGEST:
            found.append(f"{module}:{name} {config} took {time.monotonic() - began:.0f} s")

    attempt()
    return found


def _entries(kinds: list[str]):
    for kind in kinds:
        for module, names in LISTED[kind].items():
            yield from ((kind, module, name) for name in names)


def _parameters(kind: str, module: str, name: str) -> list[str]:
    cls = getattr(import_module(module), name, None)
    if cls is None:
        return ["name", "trainable", "layers", "input_layers", "output_layers"]
    given = inspect.signature(cls.__init__).parameters.values()
    common = ["name", "dtype", "trainable"] if kind == "layer" else []
    return [p.name for p in given if p.kind not in (p.VAR_KEYWORD, p.VAR_POSITIONAL)][1:] + common


def _harms(event: str, args: tuple) -> bool:
    if event == "open":
        path, mode = args[0], str(args[1] or "")
        return isinstance(path, str) and any(m in mode for m in WRITING) and path != "/dev/null"
    return event in HARM
