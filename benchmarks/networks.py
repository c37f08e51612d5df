"""Whole training steps of well-known networks with each layer in place of the stock one."""

import argparse
import subprocess
import sys
from statistics import median

import keras
import tensorflow as tf
from rich.console import Console
from rich.table import Table

from benchmarks.interleaved import medians
from benchmarks.peers import LAYERS

NETWORKS = {
    "MobileNetV2": keras.applications.MobileNetV2,
    "ResNet50": keras.applications.ResNet50,
    "DenseNet121": keras.applications.DenseNet121,
}
PEAK = """
import sys
from benchmarks.networks import training_step
step = training_step(sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
for _ in range(4):
    step()
with open("/proc/self/status") as status:
    print(next(line.split()[1] for line in status if line.startswith("VmHWM")))
"""


def with_layer(network, name, size):
    """The network, untrained, its batch norms made by the layer of this name."""

    def replaced(layer):
        if not isinstance(layer, keras.layers.BatchNormalization):
            return layer.__class__.from_config(layer.get_config())
        keys = ("axis", "momentum", "epsilon", "name")
        return LAYERS[name](**{key: getattr(layer, key) for key in keys})

    model = NETWORKS[network](weights=None, input_shape=(size, size, 3), classes=10)
    return keras.models.clone_model(model, clone_function=replaced)


def training_step(network, name, batch, size):
    """A function that runs one compiled step: forward, backward, SGD with momentum."""
    keras.utils.set_random_seed(0)
    model = with_layer(network, name, size)
    optimizer = keras.optimizers.SGD(1e-3, momentum=0.9)
    optimizer.build(model.trainable_variables)
    loss = keras.losses.SparseCategoricalCrossentropy()
    x = tf.random.stateless_uniform((batch, size, size, 3), (0, 1))
    y = tf.random.stateless_uniform((batch,), (0, 2), maxval=10, dtype=tf.int32)

    @tf.function
    def step():
        with tf.GradientTape() as tape:
            value = loss(y, model(x, training=True))
        optimizer.apply(tape.gradient(value, model.trainable_variables), model.trainable_variables)
        return value

    return lambda: step().numpy()


def peak_megabytes(network, name, batch, size):
    """Peak resident memory of a process that only trains this network."""
    command = [sys.executable, "-c", PEAK, network, name, str(batch), str(size)]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return int(output.split()[-1]) / 1024


def steps_table(names, batch, size, rounds):
    table = Table("ms", *names, "keras / fleras", title=f"training steps, {batch}x{size}x{size}x3")
    for network in NETWORKS:
        steps = {name: training_step(network, name, batch, size) for name in names}
        seconds = medians(steps, rounds)
        ratio = seconds["keras"] / seconds["fleras"]
        table.add_row(network, *(f"{1e3 * seconds[n]:.0f}" for n in names), f"{ratio:.2f}")
        keras.backend.clear_session()
    return table


def memory_line(batch, size, processes=3):
    peaks = {"plain fused": [], "fleras": []}
    for _ in range(processes):
        for name, taken in peaks.items():
            taken.append(peak_megabytes("ResNet50", name, batch, size))
    peaks = {name: median(taken) for name, taken in peaks.items()}
    ratio = peaks["fleras"] / peaks["plain fused"]
    listed = ", ".join(f"{name} {peak:.0f} MB" for name, peak in peaks.items())
    return f"peak memory, ResNet50 {batch}x{size}x{size}x3: {listed}, ratio {ratio:.3f}"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--batch", type=int, default=16)
    parser.add_argument("--size", type=int, default=96)
    parser.add_argument("--rounds", type=int, default=11)
    parser.add_argument("--names", nargs="+", default=list(LAYERS))
    parser.add_argument("--memory-only", action="store_true")
    arguments = parser.parse_args()
    console = Console(width=140)
    batch, size = arguments.batch, arguments.size
    if not arguments.memory_only:
        console.print(steps_table(arguments.names, batch, size, arguments.rounds))
    console.print(memory_line(batch, 2 * size))


if __name__ == "__main__":
    main()
