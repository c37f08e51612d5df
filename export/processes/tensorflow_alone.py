"""Imports TensorFlow without Keras, which it else imports at once though no converter uses it.

That takes almost half of the time off the start of the child. Whoever needs Keras later gets it.
"""

import sys


def import_tensorflow() -> None:
    """Imports it while Keras can't be found."""
    sys.modules.setdefault("keras", None)  # type: ignore[arg-type]  # None: not importable

    import tensorflow  # noqa: F401

    if sys.modules["keras"] is None:
        del sys.modules["keras"]
