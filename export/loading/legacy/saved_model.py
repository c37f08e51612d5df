"""SavedModel folders with Keras metadata: configurations, and the variables of the checkpoint."""

import json
from pathlib import Path
from typing import Any

from export.base.error_text import sentence
from export.base.errors import InputError
from export.loading.legacy.old_model import OldModel, Stored

METADATA = "keras_metadata.pb"
KEY = "VARIABLE_VALUE"


def read_saved_model(path: Path) -> OldModel:
    """The Keras model in a SavedModel folder.

    Raises:
        InputError: it is damaged, or it holds no Keras model.
    """
    import tensorflow as tf
    from google.protobuf.message import DecodeError
    from tensorflow.core.protobuf import saved_model_pb2

    content = saved_model_pb2.SavedModel()
    try:
        content.ParseFromString((path / "saved_model.pb").read_bytes())
        nodes = content.meta_graphs[0].object_graph_def.nodes
        metadata = _metadata(path, nodes)
        config = _root(metadata, path)
        reader = tf.train.load_checkpoint(str(path / "variables" / "variables"))
        keys = _checkpoint_keys(nodes, reader)
        return OldModel(config, _by_layer(metadata, nodes, keys, reader))
    except (DecodeError, IndexError, OSError, tf.errors.OpError, ValueError, KeyError) as error:
        raise InputError(
            f"{path.name} is a SavedModel that can't be read ({sentence(str(error))}); "
            "it is damaged or incomplete, copy the whole folder again"
        ) from error


def _root(metadata: dict[int, dict[str, Any]], path: Path) -> dict[str, Any]:
    config = metadata.get(0)
    if not config or "config" not in config:
        raise InputError(
            f"{path.name} is a SavedModel without the layers of a Keras model; save the model "
            "itself with model.save('model.keras')"
        )
    return config


def _metadata(path: Path, nodes: Any) -> dict[int, dict[str, Any]]:
    """What Keras wrote about each node; before TensorFlow 2.5 in the nodes themselves."""
    file = path / METADATA
    if file.is_file():
        found = _saved_metadata()()
        found.ParseFromString(file.read_bytes())
        texts = {node.node_id: node.metadata for node in found.nodes}
    else:
        texts = {index: node.user_object.metadata for index, node in enumerate(nodes)}
    return {index: json.loads(text) for index, text in texts.items() if text}


def _by_layer(
    metadata: dict[int, dict[str, Any]], nodes: Any, keys: dict[int, str], reader: Any
) -> dict[str, list[Stored]]:
    """The arrays of the layers of the outermost model, by name."""
    result = {}
    for name, layer in _children(nodes[0]).items():
        if name.startswith("layer-"):
            variables = _variables(nodes, layer)
            result[metadata[layer]["name"]] = [
                Stored(nodes[index].variable.name, reader.get_tensor(keys[index]))
                for index in variables
            ]
    return result


def _variables(nodes: Any, layer: int) -> list[int]:
    """The nodes of the variables of a layer, in the order of Keras 2."""
    children = _children(nodes[layer])
    listed = children.get("variables")
    if listed is None and "keras_api" in children:
        listed = _children(nodes[children["keras_api"]]).get("variables")
    if listed is None:
        own = dict.fromkeys(children.values())
        return [index for index in own if nodes[index].WhichOneof("kind") == "variable"]
    items = _children(nodes[listed])
    return [items[name] for name in sorted(items, key=int) if name.isdecimal()]


def _checkpoint_keys(nodes: Any, reader: Any) -> dict[int, str]:
    """The key of each variable: both graphs are walked along the same names."""
    from tensorflow.core.protobuf import trackable_object_graph_pb2

    graph = trackable_object_graph_pb2.TrackableObjectGraph()
    graph.ParseFromString(reader.get_tensor("_CHECKPOINTABLE_OBJECT_GRAPH"))
    keys, waiting, seen = {}, [(0, 0)], {0}
    while waiting:
        here, there = waiting.pop()
        for attribute in graph.nodes[there].attributes:
            if attribute.name == KEY:
                keys[here] = attribute.checkpoint_key
        others = _children(graph.nodes[there])
        for name, child in _children(nodes[here]).items():
            if child not in seen and name in others:
                seen.add(child)
                waiting.append((child, others[name]))
    return keys


def _children(node: Any) -> dict[str, int]:
    return {child.local_name: child.node_id for child in node.children}


def _saved_metadata() -> Any:
    """The message type of the metadata file; TensorFlow no longer has it."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    kinds = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="keras_metadata.proto", package="fleras")
    node = file.message_type.add(name="SavedObject")
    node.field.add(name="node_id", number=2, type=kinds.TYPE_INT32, label=kinds.LABEL_OPTIONAL)
    node.field.add(name="metadata", number=5, type=kinds.TYPE_STRING, label=kinds.LABEL_OPTIONAL)
    whole = file.message_type.add(name="SavedMetadata")
    whole.field.add(
        name="nodes",
        number=1,
        type=kinds.TYPE_MESSAGE,
        label=kinds.LABEL_REPEATED,
        type_name=".fleras.SavedObject",
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("fleras.SavedMetadata"))
