"""A layer over space with settings at random, between others."""

import keras
from hypothesis import assume
from hypothesis import strategies as st
from keras import layers

FIRST = {"data_format": "channels_first"}


@st.composite
def networks(draw):
    """A model of one such layer, perhaps behind and before a convolution; its size may be free."""
    rank = draw(st.integers(1, 3))
    kind = draw(st.sampled_from([_convolution, _transposed, _depthwise, _pooling, _edges, _larger]))
    layer, at = draw(kind(rank))
    length = st.none() if draw(st.booleans()) else st.integers(7, 15)
    size = [draw(length) for _ in range(rank)]
    x = entry = keras.Input((4, *size) if at else (*size, 4))
    pointwise = getattr(layers, f"Conv{rank}D")
    if draw(st.booleans()):
        x = pointwise(4, 1, activation="relu", **at)(x)
    try:
        x = layer(x)
        x = pointwise(3, 1, **at)(x) if draw(st.booleans()) else x
    except ValueError:
        assume(False)
    return keras.Model(entry, x)


def _each(numbers, rank):
    return st.one_of(numbers, st.tuples(*[numbers] * rank))


PADDING = st.sampled_from(["same", "valid"])
FORMAT = st.sampled_from([{}, {}, FIRST])


@st.composite
def _convolution(draw, rank):
    at, rate = draw(FORMAT), draw(_each(st.integers(1, 2), rank))
    strides = draw(_each(st.integers(1, 3), rank)) if rate == 1 else 1
    layer = getattr(layers, f"Conv{rank}D")(
        6,
        draw(_each(st.integers(1, 5), rank)),
        strides=strides,
        padding=draw(PADDING),
        dilation_rate=rate,
        groups=draw(st.integers(1, 2)),
        use_bias=draw(st.booleans()),
        activation=draw(st.sampled_from([None, "relu"])),
        **at,
    )
    return layer, at


@st.composite
def _transposed(draw, rank):
    at = draw(FORMAT)
    layer = getattr(layers, f"Conv{rank}DTranspose")(
        5,
        draw(_each(st.integers(1, 5), rank)),
        strides=draw(_each(st.integers(1, 3), rank)),
        padding=draw(PADDING),
        use_bias=draw(st.booleans()),
        **at,
    )
    return layer, at


@st.composite
def _depthwise(draw, rank):
    assume(rank < 3)
    at, strides = draw(FORMAT), draw(st.integers(1, 3))
    kernel, options = draw(_each(st.integers(1, 5), rank)), {"padding": draw(PADDING)} | at
    if draw(st.booleans()):
        return getattr(layers, f"SeparableConv{rank}D")(5, kernel, strides, **options), at
    rate = draw(st.integers(1, 2)) if strides == 1 else 1
    kind = getattr(layers, f"DepthwiseConv{rank}D")
    return kind(kernel, strides, depth_multiplier=2, dilation_rate=rate, **options), at


@st.composite
def _pooling(draw, rank):
    at, kind = draw(FORMAT), draw(st.sampled_from(["Max", "Average"]))
    if draw(st.booleans()):
        keepdims = draw(st.booleans())
        return getattr(layers, f"Global{kind}Pooling{rank}D")(keepdims=keepdims, **at), {}
    strides = draw(st.sampled_from([None, 1, 2, 3]))
    pool = draw(_each(st.integers(1, 4), rank))
    return getattr(layers, f"{kind}Pooling{rank}D")(pool, strides, draw(PADDING), **at), at


@st.composite
def _edges(draw, rank):
    at = draw(FORMAT) if rank > 1 else {}
    pairs = st.tuples(st.integers(0, 2), st.integers(0, 2))
    widths = draw(st.tuples(*[pairs] * rank)) if rank > 1 else draw(pairs)
    return getattr(layers, draw(st.sampled_from(["ZeroPadding", "Cropping"])) + f"{rank}D")(
        widths, **at
    ), at


@st.composite
def _larger(draw, rank):
    at = draw(FORMAT) if rank > 1 else {}
    factor = draw(_each(st.integers(1, 3), rank)) if rank > 1 else draw(st.integers(1, 3))
    kernel = {"interpolation": draw(st.sampled_from(["nearest", "bilinear"]))} if rank == 2 else {}
    return getattr(layers, f"UpSampling{rank}D")(factor, **kernel, **at), at
