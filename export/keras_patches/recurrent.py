"""Recurrent layers as the operators LSTM, GRU and RNN of ONNX; converters make loops of them."""

from typing import Any

import keras
import tensorflow as tf
from keras import activations, layers

from export.keras_patches.masked_steps import compact, spread
from export.keras_patches.onnx_operator import operator
from export.keras_patches.reverse import reverse

Activation = tuple[str, float | None, float | None]
ACTIVATIONS: dict[Any, Activation] = {
    activations.tanh: ("Tanh", None, None),
    activations.sigmoid: ("Sigmoid", None, None),
    activations.relu: ("Relu", None, None),
    activations.softsign: ("Softsign", None, None),
    activations.softplus: ("Softplus", None, None),
    activations.linear: ("Affine", 1.0, 0.0),
    activations.elu: ("Elu", 1.0, None),
    activations.leaky_relu: ("LeakyRelu", 0.2, None),
    activations.hard_sigmoid: ("HardSigmoid", 1 / 6, 0.5),
}
KINDS = {layers.LSTMCell: "LSTM", layers.GRUCell: "GRU", layers.SimpleRNNCell: "RNN"}
LAYERS = (layers.RNN, layers.LSTM, layers.GRU, layers.SimpleRNN)
LSTM_GATES = (0, 3, 1, 2)
"""Keras has input, forget, cell, output; ONNX input, output, forget, cell."""


def expressible(layer: keras.Layer) -> bool:
    """Whether operators of ONNX can do what the layer does."""
    return type(layer) in LAYERS and all(map(_known, _stack(layer.cell)))


def loop(
    layer: Any, sequences: Any, initial_state: Any, mask: Any = None, training: Any = False
) -> tuple[Any, Any, Any]:
    """`inner_loop` of a recurrent layer: the last output, all outputs, the final states."""
    if training:
        last, every, states = type(layer).inner_loop(
            layer, sequences, initial_state, mask, training
        )
        return last, every, states
    cells = _stack(layer.cell)
    mask = None if mask is None else keras.tree.flatten(mask)[0]
    backwards = layer.go_backwards and mask is None and len(cells) == 1
    if layer.go_backwards and not backwards:
        sequences = reverse(sequences, [1])
        mask = None if mask is None else reverse(tf.cast(mask, tf.int32), [1])
    x, lengths = (sequences, None) if mask is None else compact(sequences, mask)
    x, final = tf.transpose(x, (1, 0, 2)), []
    stacked = isinstance(layer.cell, layers.StackedRNNCells)
    for cell, begin in zip(cells, initial_state if stacked else [initial_state], strict=True):
        states = keras.tree.flatten(begin)
        x, ends = _run(cell, x, states, lengths, backwards)
        ends = _where_any(mask, ends, states)
        final.append(keras.tree.pack_sequence_as(begin, ends))
    state = final if stacked else final[0]
    if not layer.return_sequences:
        output = _last(layer, keras.tree.flatten(final[-1])[0], mask)
    else:
        output = _every(layer, tf.transpose(x, (1, 0, 2)), mask, backwards)
    return output, output, state


def _stack(cell: Any) -> list[Any]:
    return list(cell.cells) if type(cell) is layers.StackedRNNCells else [cell]


def _known(cell: Any) -> bool:
    return type(cell) in KINDS and all(each in ACTIVATIONS for each in _activations(cell))


def _activations(cell: Any) -> list[Any]:
    match KINDS[type(cell)]:
        case "LSTM":
            return [cell.recurrent_activation, cell.activation, cell.activation]
        case "GRU":
            return [cell.recurrent_activation, cell.activation]
    return [cell.activation]


def _run(
    cell: Any, x: Any, states: list[Any], lengths: Any, backwards: bool
) -> tuple[Any, list[Any]]:
    """All outputs and the final states; x is [time, batch, features]."""
    kind, (time, batch, _) = KINDS[type(cell)], x.shape
    known = [ACTIVATIONS[each] for each in _activations(cell)]
    options = {
        "activations": [name for name, _, _ in known],
        "activation_alpha": [alpha for _, alpha, _ in known if alpha is not None],
        "activation_beta": [beta for _, _, beta in known if beta is not None],
        "linear_before_reset": int(cell.reset_after) if kind == "GRU" else None,
        "direction": "reverse" if backwards else "forward",
        "hidden_size": cell.units,
    }
    begin = [None if _is_zero(state) else state[None] for state in states]
    if any(state is not None for state in begin):
        begin = [state[None] for state in states]
    shape = (1, batch, cell.units)
    y, *ends = operator(
        kind,
        [x, *_weights(cell), lengths, *begin],
        [(time, *shape), *[shape] * len(states)],
        **{name: value for name, value in options.items() if value not in (None, [])},
    )
    return tf.squeeze(y, 1), [tf.squeeze(end, 0) for end in ends]


def _weights(cell: Any) -> tuple[Any, Any, Any]:
    """Kernel, recurrent kernel and bias as ONNX holds them, for one direction."""
    kernel, recurrent = (tf.convert_to_tensor(w) for w in (cell.kernel, cell.recurrent_kernel))
    bias = None if cell.bias is None else tf.reshape(tf.convert_to_tensor(cell.bias), (-1,))
    if type(cell) is layers.LSTMCell:
        units = cell.units
        order = [gate * units + unit for gate in LSTM_GATES for unit in range(units)]
        kernel, recurrent = (tf.gather(each, order, axis=1) for each in (kernel, recurrent))
        bias = None if bias is None else tf.gather(bias, order)
    width = 2 * kernel.shape[1]
    if bias is not None and bias.shape[0] < width:
        bias = tf.concat([bias, tf.zeros_like(bias)], 0)
    return (
        tf.transpose(kernel)[None],
        tf.transpose(recurrent)[None],
        None if bias is None else bias[None],
    )


def _is_zero(tensor: Any) -> bool:
    """Whether a tensor in a graph is known to be zero, also where its size is not."""
    tensor = tf.convert_to_tensor(tensor)
    if tensor.op.type == "Fill":
        tensor = tensor.op.inputs[1]
    value = tf.get_static_value(tensor)
    return value is not None and not value.any()


def _where_any(mask: Any, ends: list[Any], states: list[Any]) -> list[Any]:
    """Where every step is masked the states stay what they were."""
    if mask is None or all(map(_is_zero, states)):
        return ends
    seen = tf.reduce_any(tf.cast(mask, tf.bool), axis=1, keepdims=True)
    return [tf.where(seen, end, state) for end, state in zip(ends, states, strict=True)]


def _last(layer: Any, end: Any, mask: Any) -> Any:
    """Keras' last output: zero where no step was seen, or where the last one is to be zero."""
    if mask is None:
        return end
    mask = tf.cast(mask, tf.bool)
    seen = mask[:, -1:] if layer.zero_output_for_mask else tf.reduce_any(mask, 1, keepdims=True)
    return tf.where(seen, end, tf.zeros((), end.dtype))


def _every(layer: Any, outputs: Any, mask: Any, backwards: bool) -> Any:
    """Keras gives the outputs in the order in which it made them."""
    if mask is not None:
        return spread(outputs, mask, layer.zero_output_for_mask)
    return reverse(outputs, [1]) if backwards else outputs
