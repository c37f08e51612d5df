"""Does it train? Batch norm against batch renormalization on the handwritten digits.

Three ways to draw minibatches, several seeds, and for both the same initial weights, minibatches,
optimizer and number of steps, which is many times what moving statistics need to settle. Each gets
its own best learning rate, picked on images taken out of the training set. Measured is accuracy
with the moving statistics on test images that played no part in that. XLA compiles the steps, as
many small operations take longer to start than to run. Prints a table and draws one picture.
"""

import argparse
from pathlib import Path

import keras
import matplotlib.pyplot as plt
import numpy as np
import tensorflow as tf
from rich.console import Console
from rich.progress import track
from rich.table import Table

from export.demo.digits import images, split
from fleras import BatchNormalization, RenormClippingSchedule

RATES = (0.0003, 0.001, 0.003, 0.01, 0.03, 0.1, 0.3)
TUNING_SEEDS = 2
HELD_OUT = 0.3
COLOURS = {"batch norm": "#c44e52", "fleras": "#4c72b0"}


def ordinary(labels, steps, rng):
    """Minibatches of 64, drawn at random."""
    return rng.integers(len(labels), size=(steps, 64))


def micro(labels, steps, rng):
    """Minibatches of 4, drawn at random."""
    return rng.integers(len(labels), size=(steps, 4))


def two_classes(labels, steps, rng):
    """Minibatches of 64 that hold only two of the ten classes."""
    members = [np.flatnonzero(labels == digit) for digit in range(10)]
    pairs = [rng.choice(10, 2, replace=False) for _ in range(steps)]
    return np.stack([np.concatenate([rng.choice(members[c], 32) for c in p]) for p in pairs])


SCENARIOS = {
    "minibatches of 64": ordinary,
    "microbatches of 4": micro,
    "two classes per minibatch": two_classes,
}


def network(normalization):
    """A perceptron with four normalized layers, so that a microbatch of 4 has 4 elements."""
    layers = [keras.Input((8, 8, 1)), keras.layers.Flatten()]
    for _ in range(4):
        layers += [keras.layers.Dense(64, use_bias=False), normalization(), keras.layers.ReLU()]
    return keras.Sequential([*layers, keras.layers.Dense(10)])


def accuracy(kind, rate, draw, train, held_out, steps, seed):
    """Percent of the held-out images that a network trained from this seed gets right."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    schedule = RenormClippingSchedule(steps // 20, 3.0, steps // 3, 5.0, steps // 4)
    ours = kind == "fleras"
    model = network(BatchNormalization if ours else keras.layers.BatchNormalization)
    model.compile(
        keras.optimizers.SGD(rate, momentum=0.9),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        steps_per_execution=steps // 100,
        jit_compile=True,
    )
    x, y = (tf.constant(part) for part in train)
    batches = tf.data.Dataset.from_tensor_slices(draw(train[1], steps, np.random.default_rng(seed)))
    data = batches.map(lambda index: (tf.gather(x, index), tf.gather(y, index)))
    model.fit(data, callbacks=[schedule] if ours else [], shuffle=False, verbose=0)
    right = model.predict(held_out[0], verbose=0).argmax(-1) == held_out[1]
    return 100 * float(right.mean())


def best_rate(kind, draw, train, steps):
    """The learning rate with the best mean accuracy on images taken out of the training set."""
    fitted, validation = split(*train, HELD_OUT)

    def mean_accuracy(rate):
        seeds = range(1000, 1000 + TUNING_SEEDS)
        return np.mean([accuracy(kind, rate, draw, fitted, validation, steps, s) for s in seeds])

    return max(RATES, key=mean_accuracy)


def measure(kind, draw, seeds, steps):
    """The learning rate that was picked, and the test accuracy from each seed."""
    train, test = split(*images(), HELD_OUT)
    rate = best_rate(kind, draw, train, steps)
    return rate, [accuracy(kind, rate, draw, train, test, steps, seed) for seed in range(seeds)]


def draw_picture(results, path, steps):
    figure, axis = plt.subplots(figsize=(7, 3.2))
    for offset, (kind, colour) in zip((-0.19, 0.19), COLOURS.items(), strict=True):
        for position, scenario in enumerate(SCENARIOS):
            values = results[scenario, kind]
            label = kind if position == 0 else None
            mean = float(np.mean(values))
            spread = position + offset + np.linspace(-0.09, 0.09, len(values))
            axis.plot(spread, values, "o", color=colour, alpha=0.55, label=label)
            left = position + offset - 0.15
            axis.hlines(mean, left, left + 0.3, colour, linewidth=2)
            axis.text(position + offset, 100.5, f"{mean:.1f}", ha="center", color=colour)
    axis.set_xticks(range(len(SCENARIOS)), SCENARIOS)
    axis.set_ylim(min(map(min, results.values())) - 2, 102)
    axis.set_ylabel("test accuracy (%)")
    axis.set_title(f"Handwritten digits, {steps} steps; lines: means, dots: seeds", fontsize=10)
    axis.legend(loc="lower left", frameon=False)
    axis.grid(axis="y", alpha=0.3)
    axis.spines[["top", "right"]].set_visible(False)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=2000)
    parser.add_argument("--picture", type=Path, default=Path("docs/evidence.png"))
    arguments = parser.parse_args()
    runs = [(scenario, kind) for scenario in SCENARIOS for kind in COLOURS]
    results, rates = {}, {}
    for run in track(runs, "Training"):
        scenario, kind = run
        rates[run], results[run] = measure(
            kind, SCENARIOS[scenario], arguments.seeds, arguments.steps
        )
    table = Table("test accuracy (%)", "batch norm", "fleras", "gain")
    for scenario in SCENARIOS:
        pair = [results[scenario, kind] for kind in COLOURS]
        cells = [
            f"{np.mean(results[scenario, kind]):.2f} ± {np.std(results[scenario, kind]):.2f}"
            f" (rate {rates[scenario, kind]})"
            for kind in COLOURS
        ]
        table.add_row(scenario, *cells, f"{np.mean(pair[1]) - np.mean(pair[0]):+.2f}")
    Console().print(table)
    draw_picture(results, arguments.picture, arguments.steps)
    print(f"wrote {arguments.picture}")


if __name__ == "__main__":
    main()
