"""Random valid models over everything that has a folding rule, and what must hold for each."""

import keras
import numpy as np
from hypothesis import note
from hypothesis import strategies as st
from keras import layers, ops

from fleras.fused_renorm import BatchNormalization as FusedRenorm
from fold import fold_batch_norms
from fold.codes import CODES
from fold.inline import flat_graph
from fold.plan import Plan
from fold.rules import known_types
from fold.rules.norm import BATCH_NORMS as NORMS
from tests.batch_norms import randomise


class Standardised(layers.Conv2D):
    """A subclass that is not what its parent is: it standardises its kernel."""

    def call(self, inputs):
        kernel = self.kernel - ops.mean(self.kernel)
        y = ops.conv(inputs, kernel, self.strides, self.padding, self.data_format)
        return y + self.bias if self.use_bias else y


class Block(layers.Layer):
    """A composite layer: convolution, batch norm, a way around."""

    def __init__(self, filters, **settings):
        super().__init__(**settings)
        self.filters = filters
        self.conv = layers.Conv2D(filters, 3, padding="same")
        self.norm = layers.BatchNormalization()

    def call(self, inputs, training=None):
        return ops.relu(self.norm(self.conv(inputs), training=training)) + inputs

    def get_config(self):
        return super().get_config() | {"filters": self.filters}


def channels(x):
    return x.shape[-1]


def norm(draw, x):
    kind = draw(st.sampled_from(["keras", "keras", "plain", "renorm", "fused", "axis"]))
    match kind:
        case "plain":
            return layers.BatchNormalization(center=draw(st.booleans()), scale=draw(st.booleans()))(
                x
            )
        case "renorm":
            return layers.BatchNormalization(renorm=True)(x)
        case "fused":
            return FusedRenorm()(x)
        case "axis":
            return layers.BatchNormalization(axis=draw(st.integers(1, len(x.shape) - 1)))(x)
    return layers.BatchNormalization()(x)


def convolution(draw, x, filters=None, padding=None):
    rank = len(x.shape) - 2
    filters = filters or draw(st.sampled_from([2, 4, 6]))
    small = min(x.shape[1:-1]) < 3
    settings = {
        "padding": padding or ("same" if small else draw(st.sampled_from(["same", "valid"]))),
        "use_bias": draw(st.booleans()),
        "activation": draw(st.sampled_from([None, None, "relu", "swish"])),
    }
    size = draw(st.sampled_from([1, 3]))
    kind = draw(
        st.sampled_from(["conv", "conv", "group", "deep", "separable", "transposed", "odd"])
    )
    strided = settings | {"strides": draw(st.sampled_from([1, 1, 2])) if padding is None else 1}
    match kind:
        case "group" if channels(x) % 2 == 0 and filters % 2 == 0:
            return conv(rank, "Conv{}D")(filters, size, groups=2, **strided)(x)
        case "deep":
            deep = conv(rank, "DepthwiseConv{}D")(size, depth_multiplier=1, **settings)(x)
            return deep if channels(x) == filters else conv(rank, "Conv{}D")(filters, 1)(deep)
        case "separable":
            return conv(rank, "SeparableConv{}D")(filters, size, **strided)(x)
        case "transposed" if padding is None:
            return conv(rank, "Conv{}DTranspose")(filters, size, **strided)(x)
        case "odd" if rank == 2:
            return Standardised(filters, size, **settings)(x)
    return conv(rank, "Conv{}D")(filters, size, **strided)(x)


def conv(rank, name):
    return getattr(layers, name.format(rank))


def activation(draw, x):
    choices = [
        layers.ReLU,
        layers.ReLU,
        lambda: layers.ReLU(6.0),
        lambda: layers.LeakyReLU(0.2),
        lambda: layers.PReLU("uniform", shared_axes=list(range(1, len(x.shape) - 1)) or None),
        lambda: layers.Activation("relu"),
        lambda: layers.Activation("sigmoid"),
        lambda: ops.relu,
        lambda: layers.Dropout(0.3),
    ]
    return draw(st.sampled_from(choices))()(x)


def spatial(draw, x):
    rank = len(x.shape) - 2
    choices = ["ZeroPadding{}D", "UpSampling{}D"]
    if min(x.shape[1:-1]) > 3:
        choices += ["AveragePooling{}D", "MaxPooling{}D", "Cropping{}D"]
    name = draw(st.sampled_from(choices))
    sized = "Pooling" in name or "Up" in name
    if "Up" in name and max(x.shape[1:-1]) > 10:
        return x
    return conv(rank, name)(*([2] if sized else []))(x)


def constant(draw, x):
    vector = np.random.default_rng(draw(st.integers(0, 99))).uniform(-2, 2, channels(x))
    choices = [
        lambda: x + vector,
        lambda: x * vector,
        lambda: 1.5 + -x,
        lambda: x / 2.0,
        lambda: layers.Rescaling(0.5, 0.25)(x),
    ]
    return draw(st.sampled_from(choices))()


def merge(draw, x, pool):
    same = [t for t in pool if t.shape == x.shape and t is not x]
    other = draw(st.sampled_from(same)) if same and draw(st.booleans()) else None
    if other is None and len(x.shape) > 2:
        other = convolution(draw, x, channels(x), "same")
        if draw(st.booleans()):
            other = norm(draw, other)
    if other is None:
        other = layers.Dense(channels(x))(x)
    choices = [
        lambda: layers.Add()([x, other]),
        lambda: x + other,
        lambda: layers.Concatenate()([x, other]),
        lambda: layers.Subtract()([other, x]),
        lambda: layers.Maximum()([x, other]),
        lambda: layers.Multiply()([x, other]),
    ]
    return draw(st.sampled_from(choices))()


def gate(draw, x):
    """Squeeze and excitation."""
    if len(x.shape) != 4:
        return x
    squeezed = layers.GlobalAveragePooling2D(keepdims=True)(x)
    return layers.Multiply()([x, layers.Conv2D(channels(x), 1, activation="sigmoid")(squeezed)])


def nested(draw, x):
    inner = keras.Sequential(
        [
            keras.Input(x.shape[1:], dtype="float64"),
            layers.Dense(channels(x)),
            layers.BatchNormalization(),
            layers.ReLU(),
        ]
    )
    return inner(inner(x)) if draw(st.booleans()) else inner(x)


def shared(draw, x):
    layer, bn = layers.Dense(channels(x)), layers.BatchNormalization()
    if draw(st.booleans()):
        return layers.Add()([bn(layer(x)), bn(layer(layers.ReLU()(x)))])
    return layers.Concatenate()([layer(x), norm(draw, layer(layers.ReLU()(x)))])


def composite(draw, x):
    return Block(channels(x))(x) if len(x.shape) == 4 and not x.sparse else x


def head(draw, x):
    choices = [
        lambda: layers.Flatten()(x),
        lambda: ops.mean(x, axis=tuple(range(1, len(x.shape) - 1))),
    ]
    if len(x.shape) == 3:
        choices += [lambda: layers.LSTM(3)(x), lambda: layers.GlobalMaxPooling1D()(x)]
        choices += [lambda: layers.MultiHeadAttention(2, 3)(x, x)]
    flat = draw(st.sampled_from(choices))()
    return layers.Dense(3)(norm(draw, flat) if draw(st.booleans()) else flat)


STEPS = (norm, norm, norm, norm, convolution, convolution, activation, activation, constant)
RARE = (spatial, gate, nested, shared, composite)


@st.composite
def models(draw):
    """A model of up to about ten layers with statistics of a trained network, in float64."""
    keras.config.set_dtype_policy("float64")
    try:
        shape = draw(st.sampled_from([(8, 8, 4), (7, 5, 4), (9, 4), (4,)]))
        inputs = keras.Input(shape, dtype="float64")
        pool = [inputs]
        for _ in range(draw(st.integers(1, 8))):
            pool.append(_step(draw, draw(st.sampled_from(pool[-2:])), pool))
        outputs = [pool[-1]]
        if len(pool[-1].shape) > 2 and draw(st.booleans()):
            outputs = [head(draw, pool[-1])]
        if draw(st.integers(0, 5)) == 0:
            outputs.append(draw(st.sampled_from(pool[1:])))
        model = keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])
    finally:
        keras.config.set_dtype_policy("float32")
    seed = draw(st.integers(0, 10_000))
    return randomise(model, seed, signs=draw(st.booleans()), zeros=draw(st.booleans()))


def _step(draw, x, pool):
    flat = len(x.shape) == 2
    kinds = [s for s in (*STEPS, "merge", *RARE) if not flat or s not in (convolution, spatial)]
    kind = draw(st.sampled_from(kinds))
    if kind == "merge":
        return merge(draw, x, pool)
    return kind(draw, x)


def cost(model):
    """How many element-wise operations its affine layers are."""
    return sum(a.cost for a in Plan.of(flat_graph(model, known_types()), []).affines.values())


def assert_folds(model):
    """The folded model computes the same, has no more affines, and the report tells the truth."""
    note(described(model))
    rng = np.random.default_rng(11)
    data = rng.normal(size=(3, *model.inputs[0].shape[1:]))
    before = [w.copy() for w in model.get_weights()]
    wanted = keras.tree.flatten(model(data, training=False))
    result = fold_batch_norms(model)
    got = keras.tree.flatten(result.model(data, training=False))
    for a, b in zip(wanted, got, strict=True):
        scale = 1 + np.max(np.abs(a))
        np.testing.assert_allclose(np.asarray(b) / scale, np.asarray(a) / scale, rtol=0, atol=1e-9)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert result.model.output_names == model.output_names
    assert cost(result.model) <= cost(model)
    assert_report_is_true(model, result)
    return result


def assert_report_is_true(model, result):
    """What is left of batch norms in the graph is what the report says."""
    before = {c.name for c in flat_graph(model, known_types()).calls if type(c.operation) in NORMS}
    calls = flat_graph(result.model, known_types()).calls
    left = [c for c in calls if type(c.operation) in (*NORMS, layers.Rescaling)]
    left = [c for c in left if any(c.name.startswith(name) or name in c.name for name in before)]
    inside = [r for r in result.report if r.code == "inside_custom_layer"]
    counts = result.report.counts
    assert len(left) == counts["kept"] + counts["reduced"] - len(inside)
    for record in result.report:
        assert record.status in ("folded", "reduced", "kept")
        assert record.reason and record.code in CODES


def described(model):
    """The calls of the model, one a line."""
    calls = flat_graph(model, known_types()).calls
    ids = {}
    lines = []
    for call in calls:
        reads = ", ".join(ids.get(v, "input") for v in call.inputs)
        for value in call.outputs:
            ids[value] = f"%{len(ids)}"
        made = ", ".join(ids[v] for v in call.outputs)
        lines.append(f"{made} = {type(call.operation).__name__} {call.name}({reads})")
    return "\n".join(lines)
