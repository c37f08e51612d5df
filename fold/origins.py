"""Which model a folded model was made from, as long as someone holds that one.

What a model was trained on is known to its batch norms; the folded model has none.
"""

from weakref import WeakKeyDictionary, ref

import keras

_origins: "WeakKeyDictionary[keras.Model, ref[keras.Model]]" = WeakKeyDictionary()


def remember(made: keras.Model, origin: keras.Model) -> None:
    """Notes that `made` computes what `origin` computes; neither is kept alive."""
    if made is not origin:
        _origins[made] = ref(origin)


def origin_of(model: keras.Model) -> keras.Model:
    """The model it was made from, itself where that is not known or gone."""
    origin = _origins.get(model)
    return (origin and origin()) or model
