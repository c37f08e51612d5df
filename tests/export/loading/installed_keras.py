"""What the installed Keras would build, by kind: the tables of `export/loading/allowed.toml`.

Run as a program it prints them anew, for a new version of Keras; read the difference.
"""

import inspect
from collections import defaultdict
from textwrap import fill, indent

import keras
from keras.src.api_export import REGISTERED_OBJS_TO_NAMES
from keras.src.applications import convnext, inception_resnet_v2
from keras.src.ops.operation import Operation

from fleras.fused_renorm import BatchNormalization

CODE = {"Lambda", "TFSMLayer", "TorchModuleWrapper", "JaxLayer", "FlaxLayer"}
CALLERS = {
    *("AssociativeScan", "Cond", "ForiLoop", "JVP", "Map", "Scan", "Switch", "VectorizedMap"),
    *("WhileLoop", "Function"),
}
"""Operations that call what they are given."""
DATA = {"AWQConfig", "AWQDTypePolicy", "GPTQConfig", "GPTQDTypePolicy"}
"""Quantization that runs over a data set."""
REFUSED = CODE | CALLERS | DATA
CLASSES = {
    "layer": (keras.Layer, "keras.layers"),
    "initializer": (keras.Initializer, "keras.initializers"),
    "regularizer": (keras.Regularizer, "keras.regularizers"),
    "constraint": (keras.constraints.Constraint, "keras.constraints"),
    "dtype_policy": (keras.DTypePolicy, "keras"),
    "quantizer": (keras.Quantizer, "keras.quantizers"),
    "optimizer": (keras.Optimizer, "keras.optimizers"),
    "schedule": (keras.optimizers.schedules.LearningRateSchedule, "keras.optimizers.schedules"),
    "loss": (keras.Loss, "keras.losses"),
    "metric": (keras.Metric, "keras.metrics"),
}
FUNCTIONS = {
    "activation_function": keras.src.activations,
    "loss_function": keras.src.losses,
}
MODELS = {
    "keras": ["Model", "Sequential"],
    "keras.models": ["Functional"],
    "keras.src.models.functional": ["Functional"],
}
OTHER_LAYERS = [
    *(convnext.LayerScale, convnext.StochasticDepth),
    *(inception_resnet_v2.CustomScaleLayer, BatchNormalization),
]


def kinds():
    """Kind to module to names."""
    found = {"model": MODELS, "operation": _operations()}
    found |= {kind: _classes(base, home) for kind, (base, home) in CLASSES.items()}
    for cls in OTHER_LAYERS:
        found["layer"].setdefault(cls.__module__, []).append(cls.__name__)
    found["quantizer"]["keras.quantizers"] += [
        f"{bits}QuantizationConfig" for bits in ("Int8", "Int4", "Float8")
    ]
    found |= {kind: _functions(package) for kind, package in FUNCTIONS.items()}
    return {
        kind: {module: sorted(set(names)) for module, names in sorted(table.items())}
        for kind, table in found.items()
    }


def _classes(base, home):
    table = defaultdict(list)
    for cls in (base, *subclasses(base)):
        module, _, name = REGISTERED_OBJS_TO_NAMES.get(cls, "").rpartition(".")
        if module.startswith(home) and name not in REFUSED:
            table[module].append(name)
    return table


def _operations():
    table = defaultdict(list)
    for cls in subclasses(Operation):
        module = cls.__module__
        known = module.startswith(("keras.src.ops.", "keras.src.activations."))
        if known and cls.__name__ not in REFUSED:
            table[module].append(cls.__name__)
    return table


def _functions(package):
    """A name alone, in "builtins", is how Keras writes a function of its own tables."""
    table = defaultdict(list)
    for function in filter(inspect.isfunction, package.ALL_OBJECTS):
        module, _, name = REGISTERED_OBJS_TO_NAMES[function].rpartition(".")
        table[module].append(name)
        table["builtins"].append(name)
    return table


def subclasses(cls):
    for sub in cls.__subclasses__():
        yield from (sub, *subclasses(sub))


def text():
    """The tables of the file, in TOML."""
    lines = []
    for kind, table in kinds().items():
        lines.append(f"\n[{kind}]")
        for module, names in table.items():
            words = fill(", ".join(f'"{name}"' for name in names), 96)
            lines.append(f'"{module}" = [\n{indent(words, "    ")},\n]')
    return "\n".join(lines)


if __name__ == "__main__":
    print(text())
