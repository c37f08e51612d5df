"""Why a batch norm went, shrank or stayed: the stable codes of the report and what to do."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Reason:
    """What a code stands for.

    Attributes:
        meaning: what was found.
        advice: what to do about what is left; empty where nothing is.
    """

    meaning: str
    advice: str = ""


REASONS = {
    "hoisted": Reason("It is in the weights of the layers before it."),
    "sunk": Reason("It is in the weights of the layers after it."),
    "split": Reason("Its shift went before it and its scale after it."),
    "merged": Reason("It is part of a convolution made from parallel branches."),
    "shift_left": Reason(
        "The scale is in neighbouring weights.",
        "One addition per channel is left, which costs little; nothing has to be done.",
    ),
    "scale_left": Reason(
        "The shift is in neighbouring weights.",
        "One multiplication per channel is left, which costs little; nothing has to be done.",
    ),
    "asked_to_keep": Reason("`keep` names it.", "Leave it out of `keep` to have it folded."),
    "training_true": Reason(
        "It was called with training=True and normalizes each batch by itself.",
        "Call it without `training` if that was not meant.",
    ),
    "model_input": Reason(
        "It reads the model's input, which no layer produces, and what follows can't take it.",
        "Move it behind the first linear layer.",
    ),
    "model_output": Reason(
        "Its result is an output of the model.",
        "Put it right behind a linear layer, or in front of the last one.",
    ),
    "read_elsewhere": Reason(
        "Another layer reads the same tensor and can't be given the opposite.",
        "Put it right behind the layer before it, so that all others read its result.",
    ),
    "activation_between": Reason(
        "A non-linear function stands in between.",
        "Put it next to the linear layer, or use ReLU, which lets a positive scale through.",
    ),
    "negative_scale": Reason(
        "ReLU or max pooling stands in between, which let only positive scales through, and gamma "
        "is negative in some channels.",
        "Put it before the ReLU, or train with gamma_constraint='non_neg'.",
    ),
    "padding": Reason(
        "Padding with zeros stands in between, and a shift would change the border.",
        "Use padding='valid', or put it behind the layer that pads.",
    ),
    "fused_activation": Reason(
        "The layer before it applies its own activation.",
        "Give the activation a layer of its own behind the batch norm if that order was meant.",
    ),
    "axis_mismatch": Reason(
        "It normalizes an axis that is not the channel axis of its neighbour.",
        "Set its `axis` to the channel axis of the layer beside it.",
    ),
    "shared_layer": Reason(
        "A neighbour is called several times and its calls would need different weights.",
        "Use separate layers.",
    ),
    "unknown_layer": Reason(
        "A neighbour has no folding rule.",
        "Put it next to a linear layer, or build the neighbour from layers of Keras.",
    ),
    "subclass": Reason(
        "A neighbour is a subclass of a known layer and may compute something else.",
        "Use the layer of Keras itself where it computes the same.",
    ),
    "quantized": Reason("A neighbour is quantized or has LoRA weights.", "Fold before quantizing."),
    "dtype": Reason(
        "It computes in another precision than its neighbour.", "Give both the same dtype policy."
    ),
    "digits": Reason(
        "A scale near zero makes its shift so large that float32 would lose digits.",
        "Prune the channels whose gamma is nearly zero, or leave it as it is.",
    ),
    "inside_custom_layer": Reason(
        "It is inside a custom layer that can't be expanded, for the reason given.",
        "Use Keras layers and keras.ops in its `call`.",
    ),
    "mask": Reason(
        "A mask reaches a layer that treats masked steps in its own way, or ends the mask.",
        "Put it before the layer that makes the mask, or behind the one that ends it.",
    ),
    "overflow": Reason(
        "The new weights of a neighbour would be too large for its precision.",
        "Fold the model in float32.",
    ),
    "not_remade": Reason(
        "A neighbour needs a setting that it lacks and can't be made again from its config.",
        "Complete its `get_config`.",
    ),
    "not_folded": Reason(
        "This model could not be folded, for the reason given; it is as it was.",
        "Build it with the functional API, from layers of Keras.",
    ),
    "too_far": Reason(
        "The way to a layer that could take it is too long.",
        "Put it nearer to a linear layer.",
    ),
}
