"""The objects in the configuration of a layer: initializers, activations, policies and others."""

from typing import Any

Config = dict[str, Any]

ENDINGS = {
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
}
OWN_PACKAGES = ("keras", "tf_keras", "tensorflow.python.keras", "tensorflow.keras")
FORGOTTEN = ("dtype", "partition_info", "verify_shape")
POLICIES = ("Policy", "PolicyV1", "DTypePolicy")


def plain(value: Any) -> Any:
    """JSON as Keras 2 wrote it, without its marks for tuples, shapes and arrays."""
    if isinstance(value, list):
        return [plain(item) for item in value]
    if not isinstance(value, dict):
        return value
    if value.get("class_name") in ("__tuple__", "TensorShape") and "items" in value:
        return plain(value["items"])
    if value.get("type") == "ndarray" and "value" in value:
        return value["value"]
    return {key: plain(item) for key, item in value.items()}


def is_custom(node: Config) -> bool:
    """Whether a serialized object is of a class from outside Keras 2 itself."""
    module = str(node.get("module") or "")
    known = not module or module == "builtins" or module.startswith(OWN_PACKAGES)
    return not known or ">" in str(node.get("class_name"))


def upgrade_object(key: str, value: Any) -> Any:
    """What stands at `key` in the configuration of a layer, in the form of Keras 3."""
    if key == "dtype":
        return _policy(value)
    if key.endswith("activation"):
        return _function(value)
    home = next((module for end, module in ENDINGS.items() if key.endswith(end)), "")
    if home and isinstance(value, dict) and not is_custom(value) and "class_name" in value:
        config = {k: v for k, v in (value.get("config") or {}).items() if k not in FORGOTTEN}
        node = {"module": home, "class_name": value["class_name"], "config": config}
        return node | {"registered_name": None}
    return value


def _policy(value: Any) -> Any:
    if isinstance(value, dict) and value.get("class_name") in POLICIES:
        return value["config"].get("name", "float32")
    return value


def _function(value: Any) -> Any:
    """Activations of Keras go by their name."""
    if not isinstance(value, dict) or is_custom(value) or "class_name" not in value:
        return value
    return value["config"] if value["class_name"] == "function" else value
