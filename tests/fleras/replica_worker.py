"""One process of a replica test: trains layers under a strategy and writes what it saw.

Usage: replica_worker.py mirrored|workers OUTPUT
"""

import sys

import keras
import numpy as np
import tensorflow as tf

from fleras.fused_renorm import BatchNormalization

STEPS = 3
CLIPPING = {"rmax": 1.5, "rmin": 0.5, "dmax": 0.5}


def batches():
    """Global batches; the halves differ in mean and scale."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(STEPS, 8, 4, 4, 3))
    x[:, 4:] = x[:, 4:] * 3 + 2
    return x.astype("float32"), rng.normal(size=x.shape).astype("float32")


def new_layer(synchronized):
    layer = BatchNormalization(
        momentum=0.8, renorm_clipping=CLIPPING, synchronized=synchronized, name="n"
    )
    layer.build((None, 4, 4, 3))
    return layer


def step(layer, x, dy):
    """Outputs and gradients for the inputs and the parameters."""
    with tf.GradientTape() as tape:
        tape.watch(x)
        y = layer(x, training=True)
        loss = tf.reduce_sum(y * dy)
    return y, tape.gradient(loss, [x, layer.gamma.value, layer.beta.value])


def run(strategy, synchronized):
    """Statistics of every local replica, outputs and gradients of every step."""
    with strategy.scope():
        layer = new_layer(synchronized)
    xs, dys = batches()
    share = len(xs[0]) // strategy.num_replicas_in_sync

    def value(array):
        return strategy.experimental_distribute_values_from_function(
            lambda c: tf.constant(array[c.replica_id_in_sync_group * share :][:share])
        )

    train = tf.function(lambda x, dy: strategy.run(step, args=(layer, x, dy)))
    results = {}
    for number, (x, dy) in enumerate(zip(xs, dys, strict=True)):
        y, (dx, dgamma, dbeta) = train(value(x), value(dy))
        for name, values in {"y": y, "dx": dx, "dgamma": dgamma, "dbeta": dbeta}.items():
            for i, local in enumerate(strategy.experimental_local_results(values)):
                results[f"{name}{number}_{i}"] = local.numpy()
    for name in ("moving_mean", "moving_variance"):
        variable = getattr(layer, name).value
        for i, local in enumerate(strategy.experimental_local_results(variable)):
            results[f"{name}_{i}"] = local.numpy()
        results[f"saved_{name}"] = layer.get_weights()[{"moving_mean": 2}.get(name, 3)]
    return results


def main(kind, output):
    if kind == "mirrored":
        cpu = tf.config.list_physical_devices("CPU")[0]
        tf.config.set_logical_device_configuration(
            cpu, [tf.config.LogicalDeviceConfiguration()] * 2
        )
        strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    else:
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
    keras.utils.set_random_seed(0)
    results = {}
    for synchronized in (False, True):
        for name, value in run(strategy, synchronized).items():
            results[f"{synchronized}_{name}"] = value
    np.savez(output, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
