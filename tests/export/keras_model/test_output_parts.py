"""Which elements of an output come from where."""

import keras
import numpy as np
from keras import layers

from export.keras_model.output_parts import parts


def found(*outputs, inputs):
    return parts(keras.Model(inputs, list(outputs)))


def test_boxes_and_scores_through_reshaping_and_anchors():
    image = keras.Input((8, 8, 3))
    heads = []
    for stride in (2, 4):
        x = layers.Conv2D(4, 3, stride, padding="same")(image)
        boxes = layers.Reshape((-1, 4))(x)
        scores = layers.Reshape((-1, 2))(layers.Conv2D(2, 1, activation="sigmoid")(x))
        heads.append(layers.Concatenate()([boxes, scores]))
    joined = layers.Concatenate(axis=1, name="y")(heads)
    part = found(joined, inputs=image)["y"]
    assert part.labels.shape == (20, 6)
    assert part.units == (0, 1, 0, 1)
    np.testing.assert_array_equal(part.labels[0], [0] * 4 + [1] * 2)
    np.testing.assert_array_equal(part.labels[-1], [2] * 4 + [3] * 2)


def test_permuting_moves_the_parts():
    a, b = keras.Input((2, 3)), keras.Input((2, 1))
    y = layers.Permute((2, 1), name="y")(layers.Concatenate()([a, b]))
    part = found(y, inputs=[a, b])["y"]
    np.testing.assert_array_equal(part.labels, [[0, 0], [0, 0], [0, 0], [1, 1]])


def test_what_is_not_joined_or_not_known_has_no_parts():
    x = keras.Input((4,))
    open_end = keras.Input((None, 4))
    y = layers.Dense(3, name="y")(layers.Concatenate()([x, x]))
    z = layers.Concatenate(axis=-1, name="z")([open_end, open_end])
    assert found(y, z, inputs=[x, open_end]) == {}
