import keras

from export.keras_model.metadata import preprocessing
from sample_models.batch_norms import randomise

L = keras.layers


def test_what_prepares_the_input_is_listed_and_what_stands_deeper_is_not():
    x = keras.Input((8, 8, 3))
    y = L.Rescaling(1 / 255, name="scale")(L.Resizing(4, 4, name="resize")(x))
    y = L.Normalization(mean=[0.0] * 3, variance=[1.0] * 3, name="normal")(y)
    y = L.Conv2D(2, 1)(y)
    y = L.Rescaling(2.0, name="left_by_fold")(y)
    assert preprocessing(keras.Model(x, y)) == ["resize", "scale", "normal"]


def test_in_a_model_in_a_model_too():
    inner = keras.Sequential([keras.Input((4,)), L.Rescaling(2.0, name="a"), L.Dense(2)])
    x = keras.Input((4,))
    y = L.Rescaling(3.0, name="b")(inner(x))
    assert preprocessing(randomise(keras.Model(x, y))) == ["a"]
