"""How each operator reads the tensor above a transpose in place of the transposed one."""

from export.onnx_format.transposes import axes as rules_axes
from export.onnx_format.transposes import elementwise as rules_elementwise
from export.onnx_format.transposes import shape as rules_shape
from export.onnx_format.transposes.rule import Rule

RULES: dict[str, Rule] = {**rules_elementwise.RULES, **rules_axes.RULES, **rules_shape.RULES}
