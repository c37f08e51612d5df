"""Steps of a random model that are one layer or one operation, drawn for a tensor."""

import numpy as np
from hypothesis import strategies as st
from keras import layers, ops

from fleras.fused_renorm import BatchNormalization as FusedRenorm


class Standardised(layers.Conv2D):
    """A subclass that is not what its parent is: it standardises its kernel."""

    def call(self, inputs):
        kernel = self.kernel - ops.mean(self.kernel)
        y = ops.conv(inputs, kernel, self.strides, self.padding, self.data_format)
        return y + self.bias if self.use_bias else y


def channels(x):
    return x.shape[-1]


def rank(x):
    """How many axes of space or time."""
    return len(x.shape) - 2


def lengths(x):
    return x.shape[1:-1]


def fixed(x):
    """Whether every length is known."""
    return None not in lengths(x)


def of_rank(name, x):
    """The layer class for that many axes, for example `of_rank("Conv{}D", x)`."""
    return getattr(layers, name.format(rank(x)))


def one_of(draw, *choices):
    return draw(st.sampled_from(choices))


def norm(draw, x):
    known = [i + 1 for i, n in enumerate(x.shape[1:]) if n is not None]
    makers = (
        layers.BatchNormalization,
        layers.BatchNormalization,
        lambda: layers.BatchNormalization(center=draw(st.booleans()), scale=draw(st.booleans())),
        lambda: layers.BatchNormalization(renorm=True),
        FusedRenorm,
        lambda: layers.BatchNormalization(axis=one_of(draw, *known)),
    )
    return one_of(draw, *makers)()(x)


def convolution(draw, x, filters=None, padding=None):
    filters = filters or one_of(draw, 4, 2, 6)
    free = padding is None and fixed(x)
    small = not fixed(x) or min(lengths(x)) < 3
    settings = {
        "padding": padding or ("same" if small else one_of(draw, "valid", "same")),
        "use_bias": draw(st.booleans()),
        "activation": one_of(draw, None, None, "relu", "swish"),
    }
    size = one_of(draw, 1, 3)
    strided = settings | {"strides": one_of(draw, 1, 1, 2) if free else 1}
    kind = one_of(draw, "plain", "odd", "deep", "plain", "separable", "odd", "transposed", "group")
    match kind:
        case "group" if channels(x) % 2 == 0 and filters % 2 == 0:
            return of_rank("Conv{}D", x)(filters, size, groups=2, **strided)(x)
        case "deep" if rank(x) < 3:
            deep = of_rank("DepthwiseConv{}D", x)(size, **settings)(x)
            return deep if channels(x) == filters else of_rank("Conv{}D", x)(filters, 1)(deep)
        case "separable" if rank(x) < 3:
            return of_rank("SeparableConv{}D", x)(filters, size, **strided)(x)
        case "transposed" if free:
            return of_rank("Conv{}DTranspose", x)(filters, size, **strided)(x)
        case "odd" if rank(x) == 2:
            return Standardised(filters, size, **settings)(x)
    return of_rank("Conv{}D", x)(filters, size, **strided)(x)


def dense(draw, x):
    return layers.Dense(one_of(draw, 4, 2, 6), use_bias=draw(st.booleans()))(x)


def linear(draw, x):
    """A layer that could take an affine."""
    step = one_of(draw, convolution, dense, convolution)
    return step(draw, x) if rank(x) else dense(draw, x)


def activation(draw, x):
    makers = (
        layers.ReLU,
        layers.ReLU,
        lambda: layers.ReLU(6.0),
        lambda: layers.LeakyReLU(0.2),
        lambda: layers.PReLU("uniform", shared_axes=list(range(1, len(x.shape) - 1)) or None),
        lambda: layers.Activation("relu"),
        lambda: layers.Activation("sigmoid"),
        lambda: ops.relu,
        lambda: layers.Dropout(0.3),
    )
    return one_of(draw, *makers)()(x)


def spatial(draw, x):
    if not rank(x) or not fixed(x):
        return activation(draw, x)
    names = ["ZeroPadding{}D"]
    if max(lengths(x)) < 10:
        names.append("UpSampling{}D")
    if min(lengths(x)) > 3:
        names.append("Cropping{}D")
        names += ["MaxPooling{}D", "MaxPooling{}D", "AveragePooling{}D"] if rank(x) < 3 else []
    name = one_of(draw, *names)
    settings = {}
    if "Pooling" in name:
        settings = {"pool_size": 2, "padding": one_of(draw, "valid", "same")}
        settings["strides"] = one_of(draw, 2, 1)
    return of_rank(name, x)(**settings)(x)


def constant(draw, x):
    vector = np.random.default_rng(draw(st.integers(0, 99))).uniform(-2, 2, channels(x))
    vector = vector.astype(x.dtype)
    makers = (
        lambda: x + vector,
        lambda: x * vector,
        lambda: 1.5 + -x,
        lambda: x / 2.0,
        lambda: layers.Rescaling(0.5, 0.25)(x),
    )
    return one_of(draw, *makers)()
