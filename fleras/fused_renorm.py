"""The Keras layer: batch renormalization on TensorFlow's fused batch-norm kernels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import keras
import tensorflow as tf

from fleras.arguments import (
    axis_of,
    epsilon_of,
    from_foreign_config,
    momentum_of,
    refuse_foreign,
)
from fleras.clipping import Clipping, Limits
from fleras.numerics.axes import Axes
from fleras.numerics.dispatch import normalize, renormalize
from fleras.numerics.moving_statistics import MOVING, RENORM, reference, updated
from fleras.weights import add_parameter, add_statistic, at_least_float32, square_root_of

SERIALIZED = {
    "beta_initializer": keras.initializers,
    "gamma_initializer": keras.initializers,
    "moving_mean_initializer": keras.initializers,
    "moving_variance_initializer": keras.initializers,
    "beta_regularizer": keras.regularizers,
    "gamma_regularizer": keras.regularizers,
    "beta_constraint": keras.constraints,
    "gamma_constraint": keras.constraints,
}


@keras.saving.register_keras_serializable(package="fleras")
class BatchNormalization(keras.layers.Layer):
    """Normalizes with batch statistics, corrected towards the moving statistics.

    Batch norm trains with the statistics of the minibatch and infers with moving statistics. Where
    these differ (small minibatches, minibatches that are not i.i.d.), the network that was trained
    is not the one that is used. Batch renormalization corrects the training output, so that both
    are the same up to the clipping.

    Training: `gamma * ((x - mean(batch)) / sqrt(var(batch) + epsilon) * r + d) + beta`, with

        r = clip(sqrt(var(batch) + epsilon) / sqrt(moving_variance + epsilon), rmin, rmax)
        d = clip((mean(batch) - moving_mean) / sqrt(moving_variance + epsilon), -dmax, dmax)

    taken as constants by the gradient; then `moving = moving * momentum + batch * (1 - momentum)`
    for the mean and the (population) variance. Inference, which is also what `trainable=False`
    gives: `gamma * (x - moving_mean) / sqrt(moving_variance + epsilon) + beta`.

    Without clipping, training normalizes with the moving statistics, which are not yet worth it in
    the first steps; `fleras.RenormClippingSchedule` ramps the limits as the paper does.
    `renorm_clipping={'rmax': 1, 'rmin': 1, 'dmax': 0}` is batch norm.

    The weights are those of Keras' `BatchNormalization`, in the same order, so they load from
    each other: gamma, beta, moving_mean, moving_variance.

    Args:
        axis: integer or list of integers, the axes that are normalized (usually the features).
            For one axis the weights are vectors; for several they have the rank of the inputs, with
            1 on the other axes.
        momentum: momentum of the moving statistics.
        epsilon: added to the variance.
        center: whether to add beta.
        scale: whether to multiply by gamma.
        beta_initializer: initializer of beta.
        gamma_initializer: initializer of gamma.
        moving_mean_initializer: initializer of the moving mean.
        moving_variance_initializer: initializer of the moving variance.
        beta_regularizer: optional regularizer of beta.
        gamma_regularizer: optional regularizer of gamma.
        beta_constraint: optional constraint on beta.
        gamma_constraint: optional constraint on gamma.
        renorm_clipping: dictionary that may map 'rmax', 'rmin', 'dmax' to the scalars that clip the
            correction: numbers, tensors or variables, which may change while training. Missing keys
            are inf, 0, inf.
        trainable: whether the layer trains; if not, it is in inference mode.
        name: name of the layer.
        renorm_momentum: momentum of the statistics that the correction uses. None takes the moving
            statistics. A number keeps statistics of their own, those of Keras'
            `BatchNormalization(renorm=True)`: averages of the standard deviation, seven weights.
        synchronized: whether statistics are those of the global batch of all replicas.
        **kwargs: `dtype`, `input_shape` and other arguments of every layer.

    Call arguments:
        inputs: floating-point tensor of any rank.
        training: True normalizes with the batch and updates the moving statistics.
        mask: binary tensor, broadcastable to the inputs; only positions that are True count for
            mean and variance. Leading axes come first: [batch, time] for [batch, time, features].
            In training, what is not finite at other positions gives 0 and no derivative.

    Returns:
        A tensor of the shape of the inputs. An empty or fully masked batch leaves the statistics
        as they are.

    Reference:
        Ioffe, "Batch Renormalization: Towards Reducing Minibatch Dependence in Batch-Normalized
        Models" (arXiv:1702.03275), algorithm 1.
    """

    def __init__(
        self,
        axis: int | Sequence[int] = -1,
        momentum: float = 0.99,
        epsilon: float = 0.001,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm_clipping: Mapping[str, Any] | None = None,
        trainable: bool = True,
        name: str | None = None,
        *,
        renorm_momentum: float | None = None,
        synchronized: bool = False,
        **kwargs: Any,
    ) -> None:
        refuse_foreign(kwargs)
        super().__init__(trainable=trainable, name=name, **kwargs)
        self.axis = axis_of(axis)
        self.momentum = momentum_of("momentum", momentum)
        self.epsilon = epsilon_of(epsilon)
        self.center = center
        self.scale = scale
        self.beta_initializer = keras.initializers.get(beta_initializer)
        self.gamma_initializer = keras.initializers.get(gamma_initializer)
        self.moving_mean_initializer = keras.initializers.get(moving_mean_initializer)
        self.moving_variance_initializer = keras.initializers.get(moving_variance_initializer)
        self.beta_regularizer = keras.regularizers.get(beta_regularizer)
        self.gamma_regularizer = keras.regularizers.get(gamma_regularizer)
        self.beta_constraint = keras.constraints.get(beta_constraint)
        self.gamma_constraint = keras.constraints.get(gamma_constraint)
        self.renorm_momentum = (
            None if renorm_momentum is None else momentum_of("renorm_momentum", renorm_momentum)
        )
        self.synchronized = synchronized
        self.supports_masking = True
        self.clipping = None if renorm_clipping is None else Clipping(renorm_clipping)

    @property
    def renorm_clipping(self) -> Mapping[str, Any] | None:
        """The clipping values as they were given: variables are still variables."""
        return None if self.clipping is None else dict(self.clipping.given)

    @property
    def moving_var(self) -> keras.Variable:
        """Another name of `moving_variance`."""
        return self.moving_variance

    def build(self, input_shape: Sequence[int | None]) -> None:
        """Creates the weights for inputs of this shape."""
        shape = Axes.of(self.axis, input_shape).weight_shape
        self.gamma = add_parameter(self, "gamma", shape) if self.scale else None
        self.beta = add_parameter(self, "beta", shape) if self.center else None
        mean, variance = self.moving_mean_initializer, self.moving_variance_initializer
        self.moving_mean = add_statistic(self, "moving_mean", shape, mean)
        self.moving_variance = add_statistic(self, "moving_variance", shape, variance)
        if self.renorm_momentum is not None:
            stddev = square_root_of(variance)
            self.moving_stddev = add_statistic(self, "moving_stddev", shape, stddev)
            self.renorm_mean = add_statistic(self, "renorm_mean", shape, mean)
            self.renorm_stddev = add_statistic(self, "renorm_stddev", shape, stddev)

    def call(self, inputs: tf.Tensor, training: bool | None = None, mask: Any = None) -> tf.Tensor:
        """Normalizes the inputs, and in training updates the moving statistics."""
        x = tf.cast(inputs, self.compute_dtype)
        return self._train(x, mask) if training and self.trainable else self._infer(x)

    def _train(self, x: tf.Tensor, mask: Any) -> tf.Tensor:
        read = {name: self._read(name) for name in self._statistic_names}
        gamma, beta = self._transform(x)
        y, moments = renormalize(
            x,
            Axes.of(self.axis, x.shape),
            gamma,
            beta,
            reference(read, self.epsilon),
            Limits() if self.clipping is None else self.clipping.limits(gamma.dtype),
            self.epsilon,
            mask,
            self.synchronized,
        )
        new = updated(read, moments, self.epsilon, self.momentum, self.renorm_momentum)
        for name, value in new.items():
            getattr(self, name).assign(value)
        return y

    def _infer(self, x: tf.Tensor) -> tf.Tensor:
        gamma, beta = self._transform(x)
        mean, variance = self._read("moving_mean"), self._read("moving_variance")
        axes = Axes.of(self.axis, x.shape)
        return normalize(x, axes, gamma, beta, mean, variance, self.epsilon)

    def _transform(self, x: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        shape = Axes.of(self.axis, x.shape).weight_shape
        dtype = at_least_float32(self.compute_dtype)
        gamma = self._read("gamma") if self.scale else tf.ones(shape, dtype)
        beta = self._read("beta") if self.center else tf.zeros(shape, dtype)
        return gamma, beta

    def _read(self, name: str) -> tf.Tensor:
        value = tf.convert_to_tensor(getattr(self, name))
        return tf.cast(value, at_least_float32(self.compute_dtype))

    @property
    def _statistic_names(self) -> tuple[str, ...]:
        return MOVING if self.renorm_momentum is None else RENORM

    def compute_output_shape(self, input_shape: Sequence[int | None]) -> Sequence[int | None]:
        """The shape of the inputs."""
        Axes.of(self.axis, input_shape)
        return input_shape

    def get_config(self) -> dict[str, Any]:
        """The arguments of the constructor; clipping variables as the numbers they hold now."""
        return {
            **super().get_config(),
            "axis": list(self.axis) if isinstance(self.axis, list) else self.axis,
            "momentum": self.momentum,
            "epsilon": self.epsilon,
            "center": self.center,
            "scale": self.scale,
            **{name: kind.serialize(getattr(self, name)) for name, kind in SERIALIZED.items()},
            "renorm_clipping": None if self.clipping is None else self.clipping.numbers(),
            "renorm_momentum": self.renorm_momentum,
            "synchronized": self.synchronized,
        }

    @classmethod
    def from_config(cls, config: dict[str, Any]) -> BatchNormalization:
        """The layer of a configuration: its own, or that of a Keras `BatchNormalization`.

        Keras' `renorm=True` keeps its clipping and gets `renorm_momentum`, so its weights load.
        """
        layer: BatchNormalization = super().from_config(from_foreign_config(config))
        return layer
