"""Every rule is a law; each is checked over every example of each type that registers it."""

import itertools

import keras
import numpy as np
import pytest

from fold.affine import Affine, CannotFold
from fold.keras_graph.read import read_graph
from fold.rebuild.write import write_model
from fold.rules import absorb_input, absorb_output, as_affine, known_types, pull, push
from fold.search.plan import Plan
from tests.fold.examples import EXAMPLES, build

SINGLE = {
    keras.layers.AveragePooling3D: "TensorFlow has no float64 kernel",
    keras.layers.MaxPooling3D: "TensorFlow has no float64 kernel",
    keras.layers.UpSampling2D: "bilinear enlarging computes in float32",
}
KINDS = ("positive", "scale", "shift", "both", "zero", "constant", "everywhere")


REFUSING = {
    "activation": [keras.activations.gelu],
    "max_value": [6],
    "threshold": [0.5],
    "interpolation": ["bicubic"],
}
"""Settings of layers that let nothing through, whose type has a rule."""


class Case:
    """One layer, its only call, and random inputs."""

    def __init__(self, example, dtype="float64"):
        self.model = build(example, dtype)
        self.graph = read_graph(self.model, known_types())
        (self.call,) = [c for c in self.graph.calls if type(c.operation) in known_types()]
        self.type = type(self.call.operation)
        if self.type in SINGLE and self.graph.calls[0].output.dtype == "float64":
            self.__init__(example, "float32")
            return
        rng = np.random.default_rng(3)
        integer = self.type is keras.layers.Embedding
        self.data = [
            rng.integers(0, 7, (2, *t.shape[1:])).astype(float)
            if integer
            else rng.normal(size=(2, *t.shape[1:]))
            for t in self.model.inputs
        ]

    def run(self, *data, model=None):
        return np.asarray((model or self.model)(list(data), training=False))

    def edited(self, edit):
        plan = Plan.of(self.graph, {})
        plan.edits = {self.call: (edit,)}
        return write_model(plan, self.model)


CASES = [Case(example) for example in EXAMPLES]
NAMES = [f"{i}-{case.type.__name__}" for i, case in enumerate(CASES)]


def affines(value):
    """Affines over the last axis, over the first, and over all, by kind."""
    rng = np.random.default_rng(5)
    shape = [d or 1 for d in value.example]
    for axis in {0, len(shape) - 1}:
        channels = [n if i == axis else 1 for i, n in enumerate(shape)]
        for kind in KINDS:
            size = shape if kind == "everywhere" else channels
            scale, shift = rng.uniform(0.5, 2, size), rng.normal(size=size)
            if kind in ("both", "scale", "everywhere"):
                scale *= rng.choice([-1, 1], size)
            if kind in ("zero", "constant"):
                scale *= rng.uniform(size=size) > 0.5
            if kind == "constant":
                shift *= scale == 0
            yield (
                kind,
                Affine(
                    np.ones(size) if kind == "shift" else scale,
                    np.zeros(size) if kind in ("positive", "scale") else shift,
                ),
            )


def apply(affine, data):
    return data if affine is None else affine.scale * data + affine.shift


def assert_same(left, right):
    tolerance = 1e-9 if left.dtype == right.dtype == np.float64 else 1e-5
    np.testing.assert_allclose(left, right, rtol=tolerance, atol=tolerance)


def of(table):
    """The cases whose type has a rule in the table."""
    pairs = [(n, c) for n, c in zip(NAMES, CASES, strict=True) if c.type in table]
    return pytest.mark.parametrize("case", [c for _, c in pairs], ids=[n for n, _ in pairs])


def answers(question, *args):
    """The rule's answer, or None for a refusal that names the layer."""
    try:
        return question(*args)
    except CannotFold as refusal:
        assert refusal.code and refusal.reason
        return None


@of(as_affine)
def test_as_affine_is_what_the_layer_computes(case):
    affine = answers(as_affine, case.call)
    if affine is None:
        assert len(case.data) == 2
        return
    assert_same(case.run(*case.data), apply(affine, case.data[0]))


@of(absorb_output)
def test_absorb_output(case):
    held = []
    for kind, affine in affines(case.call.output):
        if edit := answers(absorb_output, case.call, affine):
            held.append(kind)
            wanted = apply(affine, case.run(*case.data))
            assert_same(case.run(*case.data, model=case.edited(edit)), wanted)
    assert "positive" in held


@of(absorb_input)
def test_absorb_input(case):
    held = []
    for value in dict.fromkeys(case.call.inputs):
        positions = tuple(i for i, v in enumerate(case.call.inputs) if v is value)
        at = case.graph.input_values.index(value)
        for kind, affine in affines(value):
            if edit := answers(absorb_input, case.call, affine, positions):
                held.append(kind)
                data = [apply(affine, x) if i == at else x for i, x in enumerate(case.data)]
                assert_same(case.run(*case.data, model=case.edited(edit)), case.run(*data))
    assert "positive" in held


def may_refuse(case):
    """Whether the call is one of the few that let nothing through."""
    if case.type in as_affine and len(case.data) == 1:
        return True
    settings = {k: v for k, v in vars(case.call.operation).items() if k in REFUSING}
    return any(value in REFUSING[key] for key, value in settings.items())


@of(pull)
def test_pull(case):
    held = []
    for kind, affine in affines(case.call.output):
        for shares in answers(pull, case.call, affine) or []:
            held.append(kind)
            data = [apply(share, x) for share, x in zip(shares, case.data, strict=True)]
            assert_same(case.run(*data), apply(affine, case.run(*case.data)))
    assert ("positive" in held) != may_refuse(case)


@of(push)
def test_push(case):
    held = []
    count = len(case.call.inputs)
    chosen = [set(c) for n in range(1, count + 1) for c in itertools.combinations(range(count), n)]
    for positions in chosen:
        for kind, affine in affines(case.call.inputs[0]):
            given = tuple(affine if i in positions else None for i in range(count))
            for balance in answers(push, case.call, given) or []:
                held.append(kind)
                before = [apply(a, x) for a, x in zip(given, case.data, strict=True)]
                after = [apply(a, x) for a, x in zip(balance.inputs, case.data, strict=True)]
                assert all(
                    g is None or b is None for g, b in zip(given, balance.inputs, strict=True)
                )
                assert_same(case.run(*before), apply(balance.output, case.run(*after)))
    assert ("positive" in held) != may_refuse(case)


def test_every_registered_type_has_an_example():
    assert known_types() == {case.type for case in CASES}


@pytest.mark.parametrize(
    ("table", "kind", "lets_through"),
    [
        (pull, keras.layers.ReLU, "positive"),
        (pull, keras.layers.AveragePooling2D, "shift"),
        (push, keras.layers.MaxPooling2D, "positive"),
        (push, keras.layers.ZeroPadding2D, "scale"),
        (pull, keras.layers.Flatten, "everywhere"),
        (push, keras.layers.Concatenate, "both"),
        (push, keras.layers.Add, "shift"),
    ],
)
def test_what_passes_does_pass(table, kind, lets_through):
    passed = set()
    for case in (c for c in CASES if c.type is kind):
        value = case.call.output if table is pull else case.call.inputs[0]
        others = (None,) * (len(case.call.inputs) - 1)
        for name, affine in affines(value):
            question = affine if table is pull else (affine, *others)
            if answers(table, case.call, question):
                passed.add(name)
    assert lets_through in passed
