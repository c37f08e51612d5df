"""Why a batch norm went, shrank or stayed: the stable codes of the report and what to do."""

REASONS = {
    "hoisted": "It is in the weights of the layers before it. Nothing to do.",
    "sunk": "It is in the weights of the layers after it. Nothing to do.",
    "split": "Its shift went before it and its scale after it. Nothing to do.",
    "merged": "It is part of a convolution made from parallel branches. Nothing to do.",
    "shift_left": "One addition per channel is left, the scale is in neighbouring weights.",
    "scale_left": "One multiplication per channel is left, the shift is in neighbouring weights.",
    "asked_to_keep": "`keep` names it. Leave it out of `keep` to have it folded.",
    "training_true": "It was called with training=True and normalises each batch by itself. "
    "Call it without `training` if that was not meant.",
    "model_input": "It reads the model's input, which no layer produces, and what follows can't "
    "take it. Move it behind the first linear layer.",
    "model_output": "Its result is an output of the model. Add it before, not after, the output.",
    "read_elsewhere": "Another layer reads the same tensor and can't be given the opposite.",
    "activation_between": "A non-linear function stands in between. Put the batch norm next to "
    "the linear layer, or use ReLU, which lets a positive scale through.",
    "negative_scale": "ReLU or max pooling stands in between, which let only positive scales "
    "through, and gamma is negative in some channels.",
    "padding": "Padding with zeros stands in between, and a shift would change the border. "
    "Use padding='valid' or put the batch norm after the layer.",
    "fused_activation": "The layer before it applies its own activation. Give the activation a "
    "layer of its own after the batch norm if the order was not meant.",
    "axis_mismatch": "It normalises an axis that is not the channel axis of its neighbour.",
    "shared_layer": "A neighbour is called several times and its calls would need different "
    "weights. Use separate layers.",
    "unknown_layer": "A neighbour has no folding rule.",
    "subclass": "A neighbour is a subclass of a known layer and may compute something else.",
    "quantized": "A neighbour is quantised or has LoRA weights. Fold before quantising.",
    "dtype": "It computes in another precision than its neighbour.",
    "digits": "A scale near zero makes its shift so large that float32 would lose digits.",
    "inside_custom_layer": "It is inside a custom layer that can't be expanded, for the reason "
    "given. Use Keras layers and keras.ops in its `call`.",
    "mask": "A mask reaches a layer that treats masked steps in its own way, or ends the mask.",
    "overflow": "The new weights of a neighbour would be too large for its precision. Fold the "
    "model in float32.",
    "not_remade": "A neighbour needs a setting that it lacks and can't be made again from its "
    "config. Complete its `get_config`.",
    "not_folded": "This model could not be folded, for the reason given; it is as it was.",
    "too_far": "The way to a layer that could take it is too long.",
}
