"""Configurations that would run code, write, read or look up names if Keras built them."""

import base64
import copy
import json
import marshal

import keras
from keras import layers

FUNCTIONS = [
    *("keras.config:set_floatx", "keras.config:enable_unsafe_deserialization"),
    *("keras.backend:set_floatx", "keras.backend:clear_session", "keras.saving:load_model"),
    *("keras.utils:get_file", "keras.utils:save_img", "keras.utils:plot_model"),
    *("keras.visualization:plot_image_gallery", "keras.applications:ResNet50"),
    *("keras.datasets.mnist:load_data", "keras.models:clone_model", "keras.ops:switch"),
    *("keras.distribution:initialize", "os:system", "posix:system", "builtins:eval"),
    *("subprocess:run", "keras.src.utils.file_utils:get_file", "tensorflow:io.write_file"),
    *("keras.random:normal", "keras.ops:convert_to_numpy", "keras.losses:get"),
]
OPERATIONS = [
    *("Switch", "Cond", "Map", "Scan", "WhileLoop", "ForiLoop", "VectorizedMap"),
    *("AssociativeScan",),
]
CLASSES = [
    *("keras.layers:Lambda", "keras:layers.Lambda", "keras.src.layers.core.lambda_layer:Lambda"),
    *("keras.src.layers:Lambda", "keras.layers.core:Lambda", "keras.layers:TFSMLayer"),
    *("keras:layers.TFSMLayer", "keras.src.export.tfsm_layer:TFSMLayer"),
    *("keras.layers:TorchModuleWrapper", "keras.layers:JaxLayer", "keras.layers:FlaxLayer"),
    *("keras.callbacks:CSVLogger", "keras.callbacks:BackupAndRestore", "keras.utils:FeatureSpace"),
    *("keras.export:ExportArchive", "keras.src.ops.function:Function", "keras:Operation"),
    *("keras.src.ops.linalg:JVP", "keras.quantizers:GPTQConfig", "keras.src.models.cloning:Model"),
    *("subprocess:Popen", "tensorflow.keras.layers:Lambda", "my.layers:Twice", ":Dense"),
]


def payloads():
    """Name to an object of a configuration, each of which has to be refused at every position."""
    found = {}
    for pair in FUNCTIONS:
        module, _, name = pair.partition(":")
        found[f"function {pair}"] = node("function", module, name, name)
    for name in OPERATIONS:
        found[f"operation {name}"] = node(name, "keras.src.ops.core", {"name": "op"}, name)
    for pair in CLASSES:
        module, _, name = pair.partition(":")
        found[f"class {pair}"] = node(name, module, _arguments(name), None)
    found["marshalled"] = {"class_name": "__lambda__", "config": {"value": _code()}}
    found["type"] = {
        "class_name": "__typespec__", "spec_name": "TensorSpec", "module": "tensorflow",
        "registered_name": None, "config": [],
    }  # fmt: skip
    found["alias"] = node("Dense", "keras.layers", {"units": 2}, "other>Dense")
    found["no name"] = {"class_name": ["Lambda"], "module": "keras.layers", "config": {}}
    return found


def positions():
    """Name to a function that puts an object at a place in the configuration of `base()`."""
    dense = ("layers", 1, "config")
    paths = {
        "root": (),
        "layer": ("config", "layers", 1),
        "argument": ("config", "layers", 1, "inbound_nodes", 0, "args", 0),
        "keyword": ("config", "layers", 1, "inbound_nodes", 0, "kwargs", "activation"),
        "branches": ("config", "layers", 1, "inbound_nodes", 0, "kwargs", "layers"),
        "activation": ("config", *dense, "activation"),
        "initializer": ("config", *dense, "kernel_initializer"),
        "regularizer": ("config", *dense, "kernel_regularizer"),
        "constraint": ("config", *dense, "bias_constraint"),
        "within an initializer": ("config", *dense, "kernel_initializer", "config", "seed"),
        "dtype": ("config", *dense, "dtype"),
        "policy": ("config", *dense, "dtype", "config", "name"),
        "quantization": ("config", *dense, "quantization_config"),
        "unknown": ("config", *dense, "unknown"),
        "build": ("config", "layers", 1, "build_config", "input_shape"),
        "wrapped": ("config", "layers", 2, "config", "layer"),
        "in the wrapped": ("config", "layers", 2, "config", "layer", "config", "activation"),
        "optimizer": ("config", "layers", 3, "compile_config", "optimizer"),
        "rate": (
            *("config", "layers", 3, "compile_config", "optimizer"),
            *("config", "learning_rate"),
        ),
        "loss": ("config", "layers", 3, "compile_config", "loss"),
        "metric": ("config", "layers", 3, "compile_config", "metrics"),
        "inner layer": ("config", "layers", 3, "config", "layers", 1),
        "output": ("config", "output_layers"),
        "beside": ("extra",),
    }
    return {name: _putter(path) for name, path in paths.items()}


def base():
    """An honest configuration with something at each of the positions."""
    inner = keras.Sequential([keras.Input((4, 2)), layers.Dense(2)])
    inner.compile("adam", "mse", metrics=["mae"])
    x = keras.Input((4, 3))
    y = layers.TimeDistributed(layers.Dense(2))(layers.Dense(3, "relu")(x))
    return json.loads(keras.Model(x, inner(y)).to_json())


def node(name, module, config, registered):
    return {"class_name": name, "module": module, "config": config, "registered_name": registered}


def _putter(path):
    def put(config, payload):
        config, at = copy.deepcopy(config), None
        if not path:
            return payload
        at = config
        for key in path[:-1]:
            at = at[key]
        if isinstance(at, list) and path[-1] < len(at) and "inbound_nodes" in (at[path[-1]] or {}):
            payload = {key: at[path[-1]][key] for key in ("name", "inbound_nodes")} | payload
        at[path[-1]] = payload
        return config

    return put


def _code():
    return base64.b64encode(marshal.dumps((lambda x: x).__code__)).decode()


def _arguments(name):
    if "Lambda" in name:
        code = {"code": _code(), "defaults": None, "closure": None}
        return {"name": "trap", "function": {"class_name": "__lambda__", "config": code}}
    return {"name": "trap", "filepath": "/nowhere"}
