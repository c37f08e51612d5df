"""Random valid models over everything that has a folding rule, and what must hold for each."""

import keras
import numpy as np
from hypothesis import note
from hypothesis import strategies as st
from keras import layers

from fold import fold_batch_norms
from fold.keras_graph.at_dtype import at_dtype
from fold.keras_graph.read import read_graph
from fold.report.reasons import REASONS
from fold.rules import known_types
from fold.rules.affines import BATCH_NORMS as NORMS
from fold.search.plan import Plan
from sample_models.batch_norms import randomise
from tests.fold.checking import assert_no_fallback
from tests.fold.single_steps import rank
from tests.fold.steps import COMMON, RARE, head, merge

PLANE, LINE, VOLUME, VECTOR = (7, 5, 4), (9, 4), (5, 4, 4, 2), (4,)
SHAPES = [PLANE, LINE, VECTOR, PLANE, (8, 8, 4), LINE, (None, None, 4), (None, 4), VOLUME, PLANE]
ATOL = {"float64": 1e-9, "float32": 1e-4}
"""Of a fold computed in float64; the second after its weights were rounded to float32."""


@st.composite
def models(draw):
    """A model of up to about ten steps with the statistics of a trained network.

    Most are in float64, where a wrong rule can't hide behind rounding.
    """
    policy = draw(st.sampled_from(["float64"] * 7 + ["mixed_bfloat16"]))
    keras.config.set_dtype_policy(policy)
    try:
        model = _model(draw)
    finally:
        keras.config.set_dtype_policy("float32")
    seed = draw(st.integers(0, 10_000))
    signs = draw(st.sampled_from([True, False, True]))
    return randomise(model, seed, signs=signs, zeros=draw(st.booleans()))


def _model(draw):
    inputs, pool = _inputs(draw)
    for _ in range(draw(st.integers(2, 6))):
        x = draw(st.sampled_from(pool[-2:]))
        step = draw(st.sampled_from([*COMMON, draw(st.sampled_from(RARE))]))
        pool.append(step(draw, x, pool) if step is merge else step(draw, x))
    outputs = [pool[-1]]
    if rank(pool[-1]) and draw(st.booleans()):
        outputs = [head(draw, pool[-1])]
    if draw(st.integers(0, 5)) == 5:
        outputs.append(draw(st.sampled_from(pool[1:])))
    if draw(st.integers(0, 5)) == 5:
        names = dict(zip(("left", "right"), inputs, strict=False))
        return keras.Model(names, {f"y{i}": y for i, y in enumerate(outputs)})
    return keras.Model(inputs, outputs if len(outputs) > 1 else outputs[0])


def _inputs(draw):
    """The inputs, and the tensors that the steps start from."""
    if draw(st.integers(0, 9)) == 9:
        tokens = keras.Input((7,), dtype="int32", name="left")
        return [tokens], [layers.Embedding(6, 4, mask_zero=draw(st.booleans()))(tokens)]
    shape = draw(st.sampled_from(SHAPES))
    dtype = keras.config.dtype_policy().compute_dtype
    names = draw(st.sampled_from([["left"], ["left"], ["left", "right"]]))
    inputs = [keras.Input(shape, dtype=dtype, name=name) for name in names]
    return inputs, list(inputs)


def inputs_for(model, batch=3, unknown=6):
    """Normal numbers; tokens that end in padding."""
    rng = np.random.default_rng(11)

    def draw(tensor):
        shape = [batch, *(n or unknown for n in tensor.shape[1:])]
        if "int" not in tensor.dtype:
            return rng.normal(size=shape)
        return np.where(np.arange(shape[1]) < shape[1] - 2, rng.integers(1, 6, shape), 0)

    return keras.tree.map_structure(draw, model.input)


def cost(graph):
    """How many element-wise operations its affine layers are."""
    return sum(affine.cost for affine in Plan.of(graph, {}).affines.values())


def assert_folds(model):
    """The folded model computes the same, has no more affines, and the report tells the truth."""
    graph = read_graph(model, known_types())
    note(described(graph))
    before = [w.copy() for w in model.get_weights()]
    result = fold_batch_norms(model)
    assert_no_fallback(result.report)
    assert_same_results(model, result.model)
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))
    assert result.model.output_names == model.output_names
    pairs = zip(result.model.outputs, model.outputs, strict=True)
    assert all((new.shape, new.dtype) == (old.shape, old.dtype) for new, old in pairs)
    new = read_graph(result.model, known_types())
    assert cost(new) <= cost(graph)
    assert_report_is_true(graph, new, result.report)
    return result


def assert_same_results(model, new):
    """In float64; of a model in another precision its rounded weights, computed in float64."""
    dtype = "float64" if {t.dtype for t in model.outputs} == {"float64"} else "float32"
    if dtype == "float32":
        model, new = at_dtype(model, "float64"), at_dtype(new, "float64")
    data = inputs_for(model)
    results = [keras.tree.flatten(m(data, training=False)) for m in (model, new)]
    for wanted, got in zip(*results, strict=True):
        scale = 1 + np.max(np.abs(wanted))
        np.testing.assert_allclose(got / scale, wanted / scale, rtol=0, atol=ATOL[dtype])


def assert_report_is_true(graph, new, report):
    """What is left of batch norms in the new graph is what the report says."""
    before = {c.name for c in graph.calls if type(c.operation) in NORMS}
    left = [c for c in new.calls if type(c.operation) in (*NORMS, layers.Rescaling)]
    left = [c for c in left if any(name in c.name for name in before)]
    inside = [r for r in report if r.code == "inside_custom_layer"]
    counts = report.counts
    assert len(left) == counts["kept"] + counts["reduced"] - len(inside)
    for record in report:
        assert record.status in ("folded", "reduced", "kept")
        assert record.reason and record.code in REASONS


def described(graph):
    """The calls of the graph, one a line."""
    ids, lines = {}, []
    for call in graph.calls:
        reads = ", ".join(ids.get(v, "input") for v in call.inputs)
        for value in call.outputs:
            ids[value] = f"%{len(ids)}"
        made = ", ".join(ids[v] for v in call.outputs)
        lines.append(f"{made} = {type(call.operation).__name__} {call.name}({reads})")
    return "\n".join(lines)
