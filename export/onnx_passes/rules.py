"""How each operator reads the tensor above a transpose in place of the transposed one."""

from export.onnx_passes import rules_axes, rules_elementwise, rules_shape
from export.onnx_passes.rule import Rule

RULES: dict[str, Rule] = {**rules_elementwise.RULES, **rules_axes.RULES, **rules_shape.RULES}
