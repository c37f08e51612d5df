"""Imports TensorFlow without Keras, which it else imports at once though no converter uses it.

That takes almost half of the time off the start of the child. Whoever needs Keras later gets it.
"""

import sys

sys.modules.setdefault("keras", None)  # type: ignore[arg-type]  # None: not importable

import tensorflow  # noqa: E402, F401 - while Keras can't be found

if sys.modules["keras"] is None:
    del sys.modules["keras"]
