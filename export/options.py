"""What a user can ask of an export."""

from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from export.base.errors import InputError
from export.formats import FORMATS
from export.onnx_format.opsets import OPSET
from export.verification.precisions import DEFAULT, PRECISIONS, tolerances

DYNAMIC = "dynamic"
STEPS = 4


@dataclass(frozen=True)
class Options:
    """The settings of one export.

    Attributes:
        formats: "onnx", "tflite".
        precisions: each gives a file of its own, see `export.verification.precisions`.
        fold: False leaves every batch norm as it is.
        keep: names of batch norms to leave, with shell wildcards.
        merge_branches: whether parallel linear branches become one layer.
        name: of the files, before the precision and the suffix.
        opset: ONNX operator set.
        batch: fixed batch size; "dynamic" leaves it free; None leaves it free in ONNX and is 1 in
            TFLite.
        nchw: whether ONNX images go in and out with channels first.
        allow_flex: whether TFLite may use TensorFlow's own kernels.
        calibration: representative inputs for int8: a `.npy` or `.npz` file, or a directory of them
            or of images.
        image_range: what pixels of 0 to 255 become, where images are read and the model does not
            scale them itself.
        labels: names of the classes, in the order of the output, for the metadata of the files.
        metadata: further entries, pairs of key and value.
        integer_io: whether int8 files take and give int8 as well.
        inputs: the user's own examples to verify with, a `.npy` or `.npz` file.
        rtol: replaces the default tolerance.
        atol: replaces the default tolerance.
        min_sqnr: replaces the default bound on int8, in decibel.
        custom_objects: "module:attribute" to import; this runs that code.
        lambdas: "name=module:function" in the place of the code in Lambda layers.
        weights: the file of weights of an architecture in a `.json` file.
        trust: whether the model is the user's own, see `export.load_model`.
        overwrite: whether files of the same names may be replaced; others of an earlier export of
            the same model stay.
        report: whether to write an HTML page.
        strict: whether no file is written unless all are verified.
    """

    formats: tuple[str, ...] = tuple(FORMATS)
    precisions: tuple[str, ...] = (DEFAULT,)
    fold: bool = True
    keep: tuple[str, ...] = ()
    merge_branches: bool = True
    name: str = "model"
    opset: int = OPSET
    batch: int | str | None = None
    nchw: bool = False
    allow_flex: bool = False
    calibration: Path | None = None
    image_range: tuple[float, float] | None = None
    labels: tuple[str, ...] = ()
    metadata: tuple[tuple[str, str], ...] = ()
    integer_io: bool = False
    inputs: Path | None = None
    rtol: float | None = None
    atol: float | None = None
    min_sqnr: float | None = None
    custom_objects: tuple[str, ...] = ()
    lambdas: tuple[str, ...] = ()
    weights: Path | None = None
    trust: bool = False
    overwrite: bool = False
    report: bool = True
    strict: bool = False

    def __post_init__(self) -> None:
        """Raises InputError when settings contradict each other."""
        unknown = [p for p in self.precisions if p not in PRECISIONS]
        unknown += [f for f in self.formats if f not in FORMATS]
        if unknown or not self.formats or not self.precisions:
            known = ", ".join((*PRECISIONS, *FORMATS))
            raise InputError(f"unknown or no format or precision {unknown}; choose from {known}")
        calibrated = [p for p in self.precisions if PRECISIONS[p].calibrated]
        if calibrated and self.calibration is None:
            raise InputError(
                f"{calibrated[0]} needs representative inputs; "
                "give some hundred with --calibration data.npy"
            )
        if not self.forms():
            raise InputError(
                f"no format of {', '.join(self.formats)} holds {', '.join(self.precisions)}; "
                "choose another format or precision"
            )
        if self.batch not in (None, DYNAMIC) and not (
            isinstance(self.batch, int) and self.batch >= 1
        ):
            raise InputError(f"batch is {self.batch}; give a size of at least 1, or {DYNAMIC!r}")
        if Path(self.name).name != self.name or self.name.startswith("."):
            raise InputError(f"{self.name!r} is no name of a file; give one without a folder")
        tolerances(**self.tolerances())
        _refuse_idle(self)

    def forms(self) -> list[str]:
        """The formats of which there will be files."""
        return [form for form in dict.fromkeys(self.formats) if self.files(form)]

    def files(self, form: str) -> dict[str, str]:
        """The name of each file of a format, by its precision."""
        rows = [PRECISIONS[name] for name in dict.fromkeys(self.precisions)]
        suffix = FORMATS[form].engine.suffix
        return {row.name: f"{self.name}{row.infix}{suffix}" for row in rows if form in row.formats}

    def settings(self, form: str) -> dict[str, Any]:
        """What the conversion to this format is told, by keyword."""
        row = FORMATS[form]
        given = {name: getattr(self, name) for name in row.settings}
        return given | {"batch": row.batch if self.batch is None else self.fixed_batch}

    @property
    def steps(self) -> int:
        """How many steps an export has: those of every export, and one for each file."""
        return STEPS + sum(len(self.files(form)) for form in self.forms())

    @property
    def fixed_batch(self) -> int | None:
        """The size that was asked for; None where the first axis is free or none was."""
        return self.batch if isinstance(self.batch, int) else None

    def tolerances(self) -> dict[str, Any]:
        """The given bounds, as keyword arguments of a comparison."""
        return {"rtol": self.rtol, "atol": self.atol, "min_sqnr": self.min_sqnr}


def _refuse_idle(options: Options) -> None:
    """Raises InputError for an option that none of the wanted files can follow."""
    calibrated = any(PRECISIONS[name].calibrated for name in options.precisions)
    noisy = any(PRECISIONS[p].tolerances.min_sqnr is not None for p in options.precisions)
    idle = (
        ("--integer-io", options.integer_io and not calibrated, "add --precision int8"),
        ("--calibration", bool(options.calibration) and not calibrated, "add --precision int8"),
        (
            "--image-range",
            options.image_range is not None and not calibrated,
            "add --precision int8",
        ),
        ("--min-sqnr", options.min_sqnr is not None and not noisy, "add --precision int8"),
        *_of_other_formats(options),
        ("--keep", bool(options.keep) and not options.fold, "leave out --no-fold"),
    )
    for name, wrong, advice in idle:
        if wrong:
            raise InputError(
                f"{name} changes none of the files asked for; {advice} or leave it out"
            )


def _of_other_formats(options: Options) -> Iterator[tuple[str, bool, str]]:
    """Settings that are not as by default and that no wanted format takes."""
    taken = {name for form in options.formats for name in FORMATS[form].settings}
    defaults = {field.name: field.default for field in fields(Options)}
    for row in FORMATS.values():
        for name in row.settings:
            idle = name not in taken and getattr(options, name) != defaults[name]
            yield f"--{name.replace('_', '-')}", idle, f"add --format {row.name}"
