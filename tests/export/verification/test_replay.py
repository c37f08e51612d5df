"""What a runtime does to a file, good or bad, ends in a comparison; the files are real."""

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from export.onnx_format.engine import ONNX_RUNTIME
from export.verification import replay as module
from export.verification.reference import Case, Reference


def case(count, seed=0):
    x = np.random.default_rng(seed).normal(size=(count, 3)).astype(np.float32)
    y = {"sum": x.astype(np.float64) + 1, "product": x.astype(np.float64) * 2}
    return Case(
        ("normal",) * count, {"x": x}, y, {name: v.astype(np.float32) for name, v in y.items()}
    )


def replay(reference, path):
    return module.replay(reference, path, ONNX_RUNTIME)


REFERENCE = Reference((case(1), case(5)))


def write(path, names=("sum", "product"), batch="batch", nodes=(), constants=()):
    """`x + 1` and `x * 2` under these names, or the given nodes."""
    shape = [batch, 3]
    one, two = (numpy_helper.from_array(np.float32(n), f"c{n}") for n in (1, 2))
    add = helper.make_node("Add", ["x", "c1"], [names[0]])
    multiply = helper.make_node("Mul", ["x", "c2"], [names[-1]])
    outputs = [helper.make_tensor_value_info(n, TensorProto.FLOAT, shape) for n in names]
    x = helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)
    constants = [*(constants or (one, two))]
    graph = helper.make_graph([*(nodes or (add, multiply))], "net", [x], outputs, constants)
    opset = [helper.make_opsetid("", 18)]
    onnx.save(helper.make_model(graph, opset_imports=opset, ir_version=8), path)
    return path


def endless(path):
    """Adds one to `x` for a few thousand years."""
    trips = numpy_helper.from_array(np.int64(2**62), "trips")
    go, one = numpy_helper.from_array(np.bool_(True), "go"), numpy_helper.from_array(
        np.float32(1), "one"
    )  # fmt: skip
    count = helper.make_tensor_value_info("count", TensorProto.INT64, [])
    flags = [helper.make_tensor_value_info(n, TensorProto.BOOL, []) for n in ("on", "still")]
    values = [helper.make_tensor_value_info(n, TensorProto.FLOAT, None) for n in ("v", "w")]
    steps = [
        helper.make_node("Identity", ["on"], ["still"]),
        helper.make_node("Add", ["v", "one"], ["w"]),
    ]
    body = helper.make_graph(steps, "body", [count, flags[0], values[0]], [flags[1], values[1]])
    loop = helper.make_node("Loop", ["trips", "go", "x"], ["sum"], body=body)
    return write(path, ("sum",), nodes=[loop], constants=[trips, go, one])


def test_right_numbers_in_every_setting_and_batch_are_equivalent(tmp_path):
    comparison = replay(REFERENCE, write(tmp_path / "a.onnx"))
    assert comparison, comparison
    assert len({figures.run for figures in comparison.figures}) == 4
    assert set(comparison.outputs) == {"sum", "product"}


def test_outputs_are_matched_by_name_whatever_their_order(tmp_path):
    path = write(tmp_path / "a.onnx", ("sum", "product"))
    graph = onnx.load(path)
    graph.graph.output.reverse()
    onnx.save(graph, path)
    assert replay(REFERENCE, path)


def test_names_that_are_swapped_are_found(tmp_path):
    assert not replay(REFERENCE, write(tmp_path / "a.onnx", ("product", "sum")))


def test_ports_of_other_names_are_matched_by_position(tmp_path):
    assert replay(REFERENCE, write(tmp_path / "a.onnx", ("z:0", "a:0")))


def test_another_number_of_outputs_is_a_problem(tmp_path):
    node = helper.make_node("Add", ["x", "c1"], ["sum"])
    comparison = replay(REFERENCE, write(tmp_path / "a.onnx", ("sum",), nodes=[node]))
    assert not comparison
    assert "the file has ['sum'] for ['sum', 'product']" in str(comparison)


def test_a_fixed_batch_is_fed_in_pieces_or_refused(tmp_path):
    path = write(tmp_path / "a.onnx", batch=2)
    comparison = replay(REFERENCE, path)
    assert comparison
    assert {figures.shape for figures in comparison.figures} == {(2, 3)}
    dependent = Reference(REFERENCE.cases, independent=False)
    assert "no reference has the batch size" in str(replay(dependent, path))


def test_a_hang_of_the_runtime_is_a_report(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "SECONDS", 2.0)
    x = REFERENCE.cases[0]
    single = Reference((Case(x.labels, x.inputs, {"sum": x.truth["sum"]}, {}),))
    comparison = replay(single, endless(tmp_path / "endless.onnx"))
    assert not comparison
    assert len(comparison.problems) == 2
    assert "did not end within 2 s" in str(comparison)
    assert replay(REFERENCE, write(tmp_path / "a.onnx"))


def test_warnings_of_the_reference_are_those_of_the_comparison(tmp_path):
    doubtful = Reference(REFERENCE.cases, warnings=("only float32",))
    assert "only float32" in replay(doubtful, write(tmp_path / "a.onnx")).warnings
