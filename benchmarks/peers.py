"""The layers that the training layer is measured against."""

import keras
import tensorflow as tf

from fleras import BatchNormalization

CLIPPING = {"rmax": 3.0, "rmin": 1 / 3, "dmax": 5.0}


class PlainFused(keras.layers.BatchNormalization):
    """Batch norm on the fused training kernel: the least that a fused layer can cost."""

    def call(self, inputs, training=None, mask=None):
        """Normalizes with the batch in training."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        y, mean, variance = self._fused(inputs, self.gamma.value, self.beta.value)
        self._track(mean, variance)
        return y

    def _fused(self, inputs, scale, offset):
        flat = len(inputs.shape) != 4
        x = tf.reshape(inputs, [-1, 1, 1, inputs.shape[-1]]) if flat else inputs
        y, mean, variance = tf.compat.v1.nn.fused_batch_norm(x, scale, offset, epsilon=self.epsilon)
        return tf.reshape(y, tf.shape(inputs)) if flat else y, mean, variance

    def _track(self, mean, variance):
        for moving, batch in ((self.moving_mean, mean), (self.moving_variance, variance)):
            moving.assign(moving.value * self.momentum + batch * (1 - self.momentum))


class Recipe(PlainFused):
    """The training kernel without scale and offset, then `* r + d` on the full tensor."""

    def call(self, inputs, training=None, mask=None):
        """Normalizes with the batch in training."""
        if not training:
            return super().call(inputs, training=training, mask=mask)
        ones, zeros = tf.ones_like(self.gamma.value), tf.zeros_like(self.beta.value)
        y, mean, variance = self._fused(inputs, ones, zeros)
        stddev = tf.sqrt(self.moving_variance.value + self.epsilon)
        r = tf.sqrt(variance + self.epsilon) / stddev
        r = tf.stop_gradient(tf.clip_by_value(r, CLIPPING["rmin"], CLIPPING["rmax"]))
        d = (mean - self.moving_mean.value) / stddev
        d = tf.stop_gradient(tf.clip_by_value(d, -CLIPPING["dmax"], CLIPPING["dmax"]))
        scale, offset = r * self.gamma.value, d * self.gamma.value + self.beta.value
        self._track(mean, variance)
        return y * tf.cast(scale, y.dtype) + tf.cast(offset, y.dtype)


def keras_renorm(**kwargs):
    return keras.layers.BatchNormalization(renorm=True, renorm_clipping=CLIPPING, **kwargs)


def fleras(**kwargs):
    return BatchNormalization(renorm_clipping=CLIPPING, **kwargs)


LAYERS = {
    "plain fused": PlainFused,
    "keras": keras.layers.BatchNormalization,
    "keras renorm": keras_renorm,
    "recipe": Recipe,
    "fleras": fleras,
}
