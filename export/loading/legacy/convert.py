"""An old file becomes a `.keras` archive of Keras 3, in the child process."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from export.base.errors import InputError
from export.loading.config import check_config
from export.loading.custom_objects import Custom
from export.loading.legacy.old_model import OldModel
from export.loading.source import Kind, read_json
from fold.keras_graph.internals import all_layers

Config = dict[str, Any]


def convert_old(path: str, custom: Custom, kind: Kind, weights: str | None, scratch: str) -> bytes:
    """The `.keras` archive of the model in `path`, rebuilt; called in the child process.

    Raises:
        InputError: the file is damaged, or holds what is refused or can't be expressed.
    """
    from export.keras_model.save import save_model
    from fold.keras_graph.undisturbed import undisturbed

    source, target = Path(path), Path(scratch, "model.keras")
    try:
        with undisturbed():
            model = rebuild(kind, source, custom, weights)
        save_model(model, target)
    except RecursionError as error:
        raise InputError(
            f"{source.name} nests its configuration too deep; it is not from Keras"
        ) from error
    return target.read_bytes()


def rebuild(kind: Kind, path: Path, custom: Custom, weights: str | None = None) -> Any:
    """The Keras 3 model of an old file.

    Raises:
        InputError: see `convert_old`.
    """
    from export.loading.legacy.h5 import read_h5, read_weights
    from export.loading.legacy.keras_archive import read_archive
    from export.loading.legacy.saved_model import read_saved_model

    new = False
    if kind is Kind.SAVED_MODEL:
        old = read_saved_model(path)
    elif kind is Kind.OLD:
        old = read_archive(path)
    elif kind is Kind.JSON:
        config: Any = read_json(path)
        new = "keras_version" not in config
        old = read_weights(Path(str(weights)), config)
    else:
        old, new = read_h5(path)
    return assemble(old, path.name, custom, new)


def assemble(old: OldModel, file: str, custom: Custom, new: bool = False) -> Any:
    """Layers and weights of a model, put together.

    Args:
        old: what was read.
        file: its name, for messages.
        custom: what is allowed beyond Keras.
        new: whether the configuration is that of Keras 3 already.
    """
    import keras

    from export.loading.legacy.modules import with_modules
    from export.loading.legacy.objects import plain
    from export.loading.legacy.rebuild import Member, Rebuilder
    from export.loading.legacy.weights import load_weights

    objects = custom.objects()
    if new:
        config = with_modules(old.config)
        check_config(config, file, custom)
        model = keras.saving.deserialize_keras_object(config, custom_objects=objects)
        members = {
            id(part): [Member(x.name, type(x).__name__, x) for x in part.layers]
            for part in all_layers(model)
            if isinstance(part, keras.Model)
        }
    else:
        rebuilder = Rebuilder(_judge(file, custom), objects, custom.lambda_functions())
        model = rebuilder.model(_root(plain(old.config), file))
        members = rebuilder.members
    load_weights(model, old, members)
    return model


def _judge(file: str, custom: Custom) -> Callable[[Config], None]:
    """One layer is allowed where a model that holds it is."""

    def judge(layer: Mapping[str, Any]) -> None:
        model = {"class_name": "Sequential", "module": "keras", "config": {"layers": [layer]}}
        check_config(model | {"registered_name": None}, file, custom)

    return judge


def _root(config: Any, file: str) -> Config:
    kinds = ("Functional", "Model", "Sequential")
    if not isinstance(config, dict) or config.get("class_name") not in kinds:
        kind = config.get("class_name") if isinstance(config, dict) else None
        raise InputError(
            f"{file} holds a {kind}, a model of code and not of layers; rebuild it with that code "
            "in Keras 3 and load its weights"
        )
    return config
