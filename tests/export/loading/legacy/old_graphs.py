"""Models of Keras 2 whose calls are the difficulty: operators, sharing, nesting, structures."""

import tensorflow as tf
import tf_keras
from tf_keras import layers as L

from tests.export.loading.legacy.old_layers import randomized


def operators() -> tf_keras.Model:
    x = L.Input((6, 4))
    y = (1 - x * 2 + 1) / 3 - 0.5
    y = y[:, 1:, ::2] + y[:, :-1, 1:3] ** 2
    y = tf.concat([y, tf.nn.relu(y), -y], axis=-1)
    y = tf.reshape(y, [-1, 30])
    y = tf.nn.softmax(y) + tf.reduce_mean(x, axis=[1, 2], keepdims=True)[:, 0]
    return tf_keras.Model(x, y)


def constants() -> tf_keras.Model:
    x = L.Input((6, 3))
    y = x * tf.constant([1.0, -2.0, 3.0]) + [0.5, 0.25, 0.0]
    y = tf.matmul(y, tf.constant([[1.0, 2.0], [3.0, 4.0], [0.5, 0.1]]))
    return tf_keras.Model(x, tf.maximum(y, tf.transpose(y, [0, 1, 2])))


def pieces() -> tf_keras.Model:
    x = L.Input((6, 4))
    one, two = tf.split(x, 2, axis=-1)
    three, four, five = tf.split(x, [1, 2, -1], axis=1)
    columns = tf.unstack(x, axis=2)
    y = L.Concatenate()([one, tf.stack(columns[:2], axis=-1), two])
    z = tf.pad(L.Concatenate(axis=1)([five, three, four]), [[0, 0], [1, 2], [0, 0]])
    return tf_keras.Model(x, [y, tf.squeeze(tf.expand_dims(z, 1), axis=[1])])


def reductions() -> tf_keras.Model:
    x = L.Input((6, 4))
    outputs = [
        tf.reduce_max(x, axis=-1), tf.reduce_sum(x, 1, keepdims=True), tf.math.reduce_std(x, 1),
        tf.cast(tf.argmax(x, axis=-1), "float32"), tf.math.l2_normalize(x, axis=-1),
        tf.clip_by_value(x, -0.5, 0.5), tf.where(x > 0, x, 0.1 * x), tf.cumsum(x, axis=1),
        tf.gather(x, [0, 2], axis=1), tf.tile(x, [1, 2, 1]), tf.norm(x, axis=-1),
        tf.math.squared_difference(x, 0.3),
    ]  # fmt: skip
    return tf_keras.Model(x, outputs)


def images() -> tf_keras.Model:
    x = L.Input((8, 6, 4))
    y = tf.nn.depth_to_space(x, 2)
    outputs = [
        tf.nn.space_to_depth(y, 2), tf.image.resize(x, (5, 7)), tf.nn.max_pool2d(x, 2, 2, "SAME"),
        tf.nn.avg_pool2d(x, 3, 1, "VALID"), tf.image.flip_left_right(x), tf.nn.leaky_relu(x, 0.1),
        tf.nn.bias_add(x, [1.0, 2.0, 3.0, 4.0]), tf.nn.silu(x), tf.nn.gelu(x), tf.nn.relu6(x),
        tf.image.resize(x, (16, 12), method="nearest"),
    ]  # fmt: skip
    return tf_keras.Model(x, outputs)


def shapes() -> tf_keras.Model:
    x = L.Input((6, 4))
    sizes = tf.shape(x)
    y = tf.reshape(x, tf.stack([sizes[0], sizes[1] * 4 // 3, 3]))
    return tf_keras.Model(x, [y, tf.reshape(y, tf.concat([sizes[:1], [-1]], 0))])


def shared() -> tf_keras.Model:
    left, right = L.Input((5,)), L.Input((5,))
    dense, norm = L.Dense(5), L.BatchNormalization()
    one, two = norm(dense(left)), norm(dense(dense(right)))
    return tf_keras.Model([left, right], [L.Add()([one, two]), L.Dot(1)([dense(one), two])])


def nested() -> tf_keras.Model:
    inner_input = L.Input((4,))
    h = L.BatchNormalization()(L.Dense(4, name="dense")(inner_input))
    inner = tf_keras.Model(inner_input, [h, L.Dense(2)(h)], name="inner")
    block = tf_keras.Sequential(
        [L.Dense(4, input_shape=(4,)), L.BatchNormalization(), L.Dense(4)], name="block"
    )
    outer = tf_keras.Sequential([L.Input((4,)), block, L.Dense(4), L.BatchNormalization()])
    x = L.Input((4,))
    first, second = inner(outer(x))
    third, _ = inner(block(first * 2))
    return tf_keras.Model(x, [second, third, outer(third)])


def frozen() -> tf_keras.Model:
    model = nested()
    model.get_layer("inner").trainable = False
    model.layers[1].layers[0].layers[1].trainable = False
    return model


def deferred() -> tf_keras.Model:
    model = tf_keras.Sequential([L.Dense(3), L.BatchNormalization(), L.Dense(2)])
    model.build((None, 4))
    return model


def first_shaped() -> tf_keras.Model:
    return tf_keras.Sequential([L.Conv2D(3, 3, input_shape=(7, 7, 2)), L.Flatten(), L.Dense(2)])


def slashes() -> tf_keras.Model:
    x = L.Input((4,), name="input")
    y = L.Dense(4, name="a/b")(x)
    return tf_keras.Model(x, L.Add(name="out/sum")([L.Dense(4, name="a_b")(y), y]))


def colliding() -> tf_keras.Model:
    x = L.Input((4,))
    y = L.Multiply(name="multiply")([x * 2 + 1, L.Add(name="add")([x, x])])
    return tf_keras.Model(x, L.Subtract(name="softmax")([tf.nn.softmax(y) * 3, y]))


def dictionaries() -> tf_keras.Model:
    x = {"b": L.Input((4,), name="b"), "a": L.Input((3,), name="a")}
    return tf_keras.Model(x, {"z": L.Dense(2)(x["b"]), "y": L.Dense(3)(x["a"])})


def masked() -> tf_keras.Model:
    x = L.Input((6, 4))
    y = L.Masking(0.0)(x)
    y = L.Bidirectional(L.LSTM(3, return_sequences=True))(y)
    return tf_keras.Model(x, L.GlobalAveragePooling1D()(L.GRU(2, return_sequences=True)(y)))


def mixed() -> tf_keras.Model:
    x = L.Input((8, 8, 3))
    y = L.Conv2D(4, 3, dtype="mixed_float16")(x)
    return tf_keras.Model(x, L.Activation("linear", dtype="float32")(y))


def called_with_training() -> tf_keras.Model:
    x = L.Input((4,))
    y = L.Dropout(0.5)(x, training=False)
    return tf_keras.Model(x, L.BatchNormalization()(y, training=False))


MODELS = {
    make.__name__: make
    for make in (
        operators, constants, pieces, reductions, images, shapes, shared, nested, frozen, deferred,
        first_shaped, slashes, colliding, masked, called_with_training, dictionaries,
    )
}  # fmt: skip


def make(name: str) -> tf_keras.Model:
    return randomized(MODELS[name]())
