"""The table of what changed between Keras 2 and Keras 3: class of a layer -> its configuration."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from export.base.errors import InputError

Config = dict[str, Any]

HARD_SIGMOID_STEEPER = 1.2
"""Keras 2: clip(x / 5 + 0.5, 0, 1); Keras 3: clip(x / 6 + 0.5, 0, 1), the same of 1.2 x."""


@dataclass(frozen=True)
class Change:
    """How the configuration of one class differs.

    Attributes:
        becomes: the class in Keras 3, when its name is another.
        renames: keys with a new name.
        drops: keys that are gone, with the values that mean nothing; with any other value the layer
            can't be expressed. An empty tuple: whatever the value, it has no effect at inference.
        adds: keys of which Keras 2 had another default, for files that do not name them.
        edit: anything else.
    """

    becomes: str = ""
    renames: Mapping[str, str] = field(default_factory=dict)
    drops: Mapping[str, tuple[Any, ...]] = field(default_factory=dict)
    adds: Config = field(default_factory=dict)
    edit: Callable[[Config], Config] = dict


def upgrade_layer(kind: str, config: Config) -> tuple[str, Config]:
    """The class and the configuration in Keras 3 of a layer of Keras 2.

    Args:
        kind: its class, exactly.
        config: what its `get_config` gave; objects in it are upgraded by the caller.

    Raises:
        InputError: it has a setting that Keras 3 can't express.
    """
    if kind == "Activation" and config.get("activation") == "hard_sigmoid":
        return "Sequential", _hard_sigmoid(config)
    change = CHANGES.get(_variant(kind, config), Change())
    result = dict(change.adds) | config
    for old, new in change.renames.items():
        if old in result:
            result[new] = result.pop(old)
    for key, neutral in (EVERY_LAYER | dict(change.drops)).items():
        value = result.pop(key, None)
        if neutral and value not in (*neutral, None):
            raise InputError(
                f"layer {config.get('name')!r} is a {kind} with {key}={value!r}, which Keras 3 "
                "can't express; rebuild it without that setting"
            )
    return change.becomes or kind, change.edit(result)


def _variant(kind: str, config: Config) -> str:
    """Batch norms that Keras 3 has not are this project's layer."""
    if not kind.startswith("BatchNormalization"):
        return kind
    if "renorm_clipping" in config and "renorm" not in config:
        return FUSED_RENORM
    axis = config.get("axis")
    return SEVERAL_AXES if isinstance(axis, list) and len(axis) > 1 else kind


def _one_axis(config: Config) -> Config:
    axis = config.get("axis", -1)
    return config | {"axis": axis[0] if isinstance(axis, list) and len(axis) == 1 else axis}


def _batch_norm(config: Config) -> Config:
    config = _one_axis(config)
    if not config.get("renorm"):
        for key in ("renorm", "renorm_clipping", "renorm_momentum"):
            config.pop(key, None)
    return config


def _fused_renorm(config: Config) -> Config:
    """Limits that were variables when the file was written are left out: then there is none."""
    clipping = config.get("renorm_clipping") or {}
    numbers = {key: value for key, value in clipping.items() if isinstance(value, int | float)}
    return config | {"renorm_clipping": numbers}


def _like_batch_norm(config: Config) -> Config:
    """This project's layer takes several axes; with this clipping it is plain batch norm."""
    kept = {key: value for key, value in config.items() if not key.startswith("renorm")}
    return kept | {"renorm_clipping": {"rmax": 1.0, "rmin": 1.0, "dmax": 0.0}}


def _crop(config: Config) -> Config:
    """At inference `RandomCrop` of Keras 2 resizes what it cuts from the middle."""
    return config | {"crop_to_aspect_ratio": True}


def _identity(config: Config) -> Config:
    return {key: config[key] for key in ("name", "dtype") if key in config}


def _stateful_activation(config: Config) -> Config:
    """In an LSTM it is applied to the state too, which no weight can scale."""
    if config.get("activation") == "hard_sigmoid":
        raise InputError(
            f"layer {config.get('name')!r} has the hard sigmoid of Keras 2 for its state, which "
            "Keras 3 lacks; use another activation"
        )
    return config


def _input(config: Config) -> Config:
    keys = ("batch_shape", "dtype", "name", "sparse", "optional")
    return {key: config[key] for key in keys if key in config}


def _hard_sigmoid(config: Config) -> Config:
    """Other activations are the same; this one of Keras 2 takes two layers."""
    steeper = {"scale": HARD_SIGMOID_STEEPER, "offset": 0.0, "dtype": config.get("dtype")}
    steeper["name"] = "steeper"
    return {
        "name": config["name"],
        "layers": [
            {"class_name": "Rescaling", "config": steeper},
            {"class_name": FLATTER, "config": config | {"name": "hard_sigmoid"}},
        ],
    }


def _cudnn(config: Config) -> Config:
    return config | {"recurrent_activation": "sigmoid", "activation": "tanh"}


def _vocabulary(config: Config) -> Config:
    """Tables that were given as a file name would be read from this machine."""
    if isinstance(config.get("vocabulary"), str):
        raise InputError(
            f"layer {config.get('name')!r} reads its vocabulary from a file on the machine it was "
            "made on; put the list into the layer and save it again"
        )
    return config


FUSED_RENORM = "fleras.fused_renorm.BatchNormalization"
FLATTER = "Activation of Keras 3"
SEVERAL_AXES = "BatchNormalization of several axes"

EVERY_LAYER: dict[str, tuple[Any, ...]] = {
    "batch_input_shape": (),
    "dynamic": (False,),
    "experimental_autocast": (),
    "input_dtype": (),
    "time_major": (False,),
    "rng_type": (),
    "force_generator": (),
}
_UNGROUPED = {"groups": (1,)}
_KERNEL = dict.fromkeys(("kernel_initializer", "kernel_regularizer", "kernel_constraint"), ())
_DEPTHWISE = Change(drops=_UNGROUPED | _KERNEL | {"filters": ()})
_SEPARABLE = Change(drops=_UNGROUPED | _KERNEL)
_TRANSPOSED = Change(drops=_UNGROUPED)
_SPATIAL_DROPOUT = Change(drops={"noise_shape": (), "trainable": ()})
_NORM_DROPS = {"fused": (), "virtual_batch_size": (), "adjustment": ()}
_BATCH_NORM = Change("BatchNormalization", drops=_NORM_DROPS, edit=_batch_norm)
_RECURRENT = {"implementation": (), "zero_output_for_mask": (), "input_dim": (), "input_length": ()}

_ATTENTION = dict.fromkeys(
    ("softmax_robust_masking", "query_shape", "key_shape", "value_shape"), ()
)

CHANGES: dict[str, Change] = {
    "InputLayer": Change(
        renames={"batch_input_shape": "batch_shape"}, drops={"ragged": (False,)}, edit=_input
    ),
    FLATTER: Change("Activation"),
    "BatchNormalization": _BATCH_NORM,
    "BatchNormalizationV1": _BATCH_NORM,
    "BatchNormalizationV2": _BATCH_NORM,
    "SyncBatchNormalization": Change(
        "BatchNormalization", drops=_NORM_DROPS, adds={"synchronized": True}, edit=_batch_norm
    ),
    FUSED_RENORM: Change(FUSED_RENORM, edit=_fused_renorm),
    "LayerScale": Change("keras.src.applications.convnext.LayerScale"),
    "StochasticDepth": Change("keras.src.applications.convnext.StochasticDepth"),
    "CustomScaleLayer": Change("keras.src.applications.inception_resnet_v2.CustomScaleLayer"),
    SEVERAL_AXES: Change(FUSED_RENORM, drops=_NORM_DROPS, edit=_like_batch_norm),
    "LayerNormalization": Change(edit=_one_axis),
    "Normalization": Change(edit=_one_axis),
    "Conv1DTranspose": _TRANSPOSED,
    "Conv2DTranspose": _TRANSPOSED,
    "Conv3DTranspose": _TRANSPOSED,
    "Convolution2DTranspose": Change("Conv2DTranspose", drops=_UNGROUPED),
    "DepthwiseConv1D": _DEPTHWISE,
    "DepthwiseConv2D": _DEPTHWISE,
    "SeparableConv1D": _SEPARABLE,
    "SeparableConv2D": _SEPARABLE,
    "Dense": Change(drops={"input_dim": ()}),
    "Embedding": Change(drops={"input_length": (), "sparse": ()}),
    "LeakyReLU": Change(renames={"alpha": "negative_slope"}),
    "ThresholdedReLU": Change("ReLU", renames={"theta": "threshold"}),
    "SpatialDropout1D": _SPATIAL_DROPOUT,
    "SpatialDropout2D": _SPATIAL_DROPOUT,
    "SpatialDropout3D": _SPATIAL_DROPOUT,
    "Discretization": Change(drops={"trainable": ()}),
    "RandomCrop": Change("Resizing", drops={"seed": ()}, edit=_crop),
    "RandomHeight": Change("Identity", edit=_identity),
    "RandomWidth": Change("Identity", edit=_identity),
    "LSTM": Change(drops=_RECURRENT, edit=_stateful_activation),
    "LSTMV1": Change("LSTM", drops=_RECURRENT, edit=_stateful_activation),
    "LSTMV2": Change("LSTM", drops=_RECURRENT, edit=_stateful_activation),
    "LSTMCell": Change(drops={"implementation": ()}, edit=_stateful_activation),
    "GRU": Change(drops=_RECURRENT, adds={"reset_after": False}),
    "GRUV1": Change("GRU", drops=_RECURRENT, adds={"reset_after": False}),
    "GRUV2": Change("GRU", drops=_RECURRENT, adds={"reset_after": False}),
    "GRUCell": Change(drops={"implementation": ()}, adds={"reset_after": False}),
    "SimpleRNN": Change(drops=_RECURRENT),
    "SimpleRNNCell": Change(drops={"implementation": ()}),
    "RNN": Change(drops=_RECURRENT),
    "CuDNNLSTM": Change("LSTM", drops=_RECURRENT, edit=_cudnn),
    "CuDNNGRU": Change("GRU", drops=_RECURRENT, adds={"reset_after": True}, edit=_cudnn),
    "ConvLSTM1D": Change(drops=_RECURRENT, edit=_stateful_activation),
    "ConvLSTM2D": Change(drops=_RECURRENT, edit=_stateful_activation),
    "ConvLSTM3D": Change(drops=_RECURRENT, edit=_stateful_activation),
    "MultiHeadAttention": Change(drops=_ATTENTION),
    "Attention": Change(drops={"causal": (False,)}),
    "AdditiveAttention": Change(drops={"causal": (False,)}),
    "Softmax": Change(drops={"robust_masking": ()}),
    "StringLookup": Change(edit=_vocabulary),
    "IntegerLookup": Change(edit=_vocabulary),
    "TextVectorization": Change(edit=_vocabulary),
}
