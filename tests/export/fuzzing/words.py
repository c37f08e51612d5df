"""Words of configurations, allowed and not."""

import tomllib
from pathlib import Path

from export.loading import allowed

_LISTED = tomllib.loads(Path(allowed.__file__).with_suffix(".toml").read_text())
WORDS = sorted(
    {
        *("class_name", "config", "module", "registered_name", "function", "__lambda__", "items"),
        *("Lambda", "TFSMLayer", "layers.Lambda", "keras.src.ops.core", "Switch", "keras.ops"),
        *("os", "system", "builtins", "eval", "__typespec__", "__tuple__", "compile_config"),
        *(module for table in _LISTED.values() for module in table),
        *(names[0] for table in _LISTED.values() for names in table.values()),
        *(*allowed.BY_KEY, *allowed.BY_ENDING, *allowed.DATA),
    }
)
