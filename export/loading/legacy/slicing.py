"""Slices of tensors as a file of Keras 2 holds them."""

from collections.abc import Sequence
from typing import Any

from keras import ops

from export.base.errors import InputError
from export.loading.legacy.sizes import Sizes


def get_item(tensor: Any, slice_spec: Any, var: Any = None) -> Any:
    """`tensor[slice_spec]`, slices as dicts of start, stop and step."""
    spec = slice_spec if isinstance(slice_spec, list) else [slice_spec]
    parts = tuple(_part(part) for part in spec)
    return _sizes(tensor, parts) if isinstance(tensor, Sizes) else ops.get_item(tensor, parts)


def strided_slice(
    input_: Any, begin: Any, end: Any, strides: Any = None, begin_mask: int = 0, end_mask: int = 0,
    ellipsis_mask: int = 0, new_axis_mask: int = 0, shrink_axis_mask: int = 0, **_: Any,
) -> Any:  # fmt: skip
    """`tf.strided_slice`."""
    steps = strides or [1] * len(begin)
    spec: list[Any] = []
    for bit, (start, stop, step) in enumerate(zip(begin, end, steps, strict=True)):
        flags = [
            mask >> bit & 1
            for mask in (ellipsis_mask, new_axis_mask, shrink_axis_mask, begin_mask, end_mask)
        ]
        if flags[0] or flags[1]:
            spec.append(Ellipsis if flags[0] else None)
        elif flags[2]:
            spec.append(start)
        else:
            spec.append(slice(None if flags[3] else start, None if flags[4] else stop, step))
    return _sizes(input_, spec) if isinstance(input_, Sizes) else ops.get_item(input_, tuple(spec))


def _sizes(sizes: Sizes, parts: Sequence[Any]) -> Any:
    chosen = sizes.values[parts[0]]
    return Sizes(chosen) if isinstance(chosen, tuple) else chosen


def _part(part: Any) -> Any:
    if isinstance(part, dict) and set(part) == {"start", "stop", "step"}:
        return slice(part["start"], part["stop"], part["step"])
    if isinstance(part, dict) and part.get("class_name") == "__ellipsis__":
        return Ellipsis
    if part is None or isinstance(part, int):
        return part
    raise InputError("a tensor is indexed by what can't be read; rebuild the model with keras.ops")
