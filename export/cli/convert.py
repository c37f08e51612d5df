"""fleras convert."""

from pathlib import Path
from typing import Any

import click

from export.cli.shared import PATH, model_options
from export.cli.streams import with_terminal
from export.cli.terminal import Terminal


@click.command()
@click.argument("old", type=PATH)
@click.argument("new", type=PATH, metavar="NEW.keras")
@model_options
@click.option("--overwrite", is_flag=True, help="Replace NEW.keras if it exists.")
@with_terminal
def command(
    terminal: Terminal,
    old: Path,
    new: Path,
    overwrite: bool,
    custom_objects: tuple[str, ...],
    **settings: Any,
) -> None:
    """Write the model OLD as NEW.keras, in the form of Keras 3.

    OLD is an .h5 file, a .keras file of Keras 2, a SavedModel folder that Keras wrote, or a .json
    architecture with --weights. Batch norms are left as they are.
    """
    from export.base.errors import InputError
    from export.base.files import refuse_existing
    from export.transaction.stage import replacing

    if new.suffix != ".keras":
        raise InputError(f"{new.name} has no name of a Keras model; end it with .keras")
    refuse_existing(new, overwrite)
    with terminal.steps(total=2) as announce:
        from export.loading.load_model import load_model

        announce(f"Loading {old.name}")
        model = load_model(old, custom_objects, **settings)
        from export.keras_model.save import save_model

        announce(f"Writing {new.name}")
        with replacing(new, overwrite) as path:
            save_model(model, path)
    terminal.line(f"Wrote {new}: {model.count_params():,} weights, {len(model.layers)} layers")
