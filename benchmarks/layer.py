"""Speed of the training layer beside its peers: forward, backward and update, with a ReLU.

Prints the median milliseconds of interleaved runs and ratios, then those of training steps of whole
networks, and the peak memory of one. On a machine with a GPU, TensorFlow places all of it there.
"""

import argparse

import keras
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.interleaved import mean_ratio, medians
from benchmarks.networks import memory_line, steps_table
from benchmarks.peers import LAYERS

SHAPES = [(32, 56, 56, 64), (8, 14, 14, 1024), (4, 112, 112, 32), (256, 1024), (32, 128, 256)]


def candidate(make, shape, dtype, compiled):
    """A function that runs one step of a layer and a ReLU."""
    policy = "mixed_bfloat16" if dtype == "bfloat16" else dtype
    layer = make(dtype=policy)
    layer.build(shape)
    x = tf.cast(tf.random.stateless_normal(shape, (0, 1)) * 2 + 1, dtype)
    dy = tf.cast(tf.random.stateless_normal(shape, (0, 2)), dtype)

    def step(x, dy):
        with tf.GradientTape() as tape:
            tape.watch(x)
            y = tf.nn.relu(layer(x, training=True))
        weights = [layer.gamma.value, layer.beta.value]
        return y, tape.gradient(y, [x, *weights], output_gradients=dy)

    run = tf.function(step) if compiled else step
    return lambda: keras.tree.flatten(run(x, dy))[-1].numpy()


def compare(shape, dtype, compiled, rounds):
    steps = {name: candidate(make, shape, dtype, compiled) for name, make in LAYERS.items()}
    return medians(steps, rounds)


def table(title, rows):
    """Rows of (label, seconds by name): milliseconds, then ratios."""
    result = Table("", *LAYERS, "/ plain fused", "keras /", "keras renorm /", title=title)
    for label, seconds in rows:
        times = [f"{1e3 * seconds[name]:.2f}" for name in LAYERS]
        ratios = [seconds["fleras"] / seconds["plain fused"]]
        ratios += [seconds[name] / seconds["fleras"] for name in ("keras", "keras renorm")]
        result.add_row(label, *times, *(f"{ratio:.2f}" for ratio in ratios))
    return result


def summary(rows, kept):
    ours = [seconds["fleras"] for _, seconds in rows]
    plain = [seconds["plain fused"] for _, seconds in rows]
    lines = [f"fleras / plain fused, geometric mean: {mean_ratio(ours, plain):.3f}"]
    for name in ("keras", "keras renorm", "recipe"):
        theirs = [seconds[name] for _, seconds in rows][:kept]
        lines.append(f"{name} / fleras, 4-D shapes: {mean_ratio(theirs, ours[:kept]):.2f}")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=41)
    parser.add_argument("--compiled-only", action="store_true")
    parser.add_argument("--float32-only", action="store_true")
    parser.add_argument("--no-networks", action="store_true")
    arguments = parser.parse_args()
    console = Console(width=140)
    for dtype in ["float32"] if arguments.float32_only else ["float32", "bfloat16"]:
        for compiled in [True] if arguments.compiled_only else [True, False]:
            rows = [(str(s), compare(s, dtype, compiled, arguments.rounds)) for s in SHAPES]
            console.print(table(f"{dtype}, {'compiled' if compiled else 'eager'} (ms)", rows))
            console.print(summary(rows, sum(len(shape) == 4 for shape in SHAPES)))
    if not arguments.no_networks:
        console.print(steps_table(list(LAYERS), batch=16, size=96, rounds=11))
        console.print(memory_line(batch=16, size=192))


if __name__ == "__main__":
    main()
