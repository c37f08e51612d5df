"""Every handler by the TensorFlow operator that it writes."""

from typing import Any

from export.onnx_format.handlers import elementwise, operator, resize

HANDLERS: dict[str, tuple[Any, list[str]]] = {
    name: (handler, [])
    for part in (elementwise, operator, resize)
    for name, handler in part.HANDLERS.items()
}
