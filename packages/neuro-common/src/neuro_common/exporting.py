"""Trained networks for other programs: ONNX and torch.export, each file run before it is named.

A file tells what its numbers mean: inputs, outputs, units, steps and scales lie in it as JSON, and
:func:`read_about` reads them without running anything.
"""

import json
import logging
import os
import warnings
import zipfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.export_config import ENDINGS, ExportConfig
from neuro_common.extras import require
from neuro_common.files import FORMAT_VERSION, FormatError, atomic_path, check_format, to_json
from neuro_common.verbs import version_of

if TYPE_CHECKING:
    import torch

    from neuro_common.runs import Run

__all__ = [
    "ACTIVATIONS",
    "Exportable",
    "Program",
    "difference",
    "load_onnx",
    "read_about",
    "write_onnx",
    "write_program",
    "write_run",
]

Program = Callable[..., tuple[NDArray[Any], ...]]
"""From arrays, in the order of the inputs, to arrays in that of the outputs."""

ACTIVATIONS: "Mapping[str, Callable[[torch.Tensor], torch.Tensor]]" = {
    "relu": lambda state: state.relu(),
    # onnxruntime has none of its own in double precision
    "softplus": lambda state: state.relu() + (-state.abs()).exp().log1p(),
    "tanh": lambda state: state.tanh(),
}
"""Activations of rate networks in operations that onnxruntime has in every precision."""

_FORMAT = "neuro-common/export"
_ABOUT = "about.json"
_MODULES = ("onnx", "onnxscript", "onnxruntime")


@dataclass(frozen=True, eq=False)
class Exportable:
    """A network as a module that other programs can run.

    Attributes:
        module: On the CPU, in evaluation mode; takes the inputs in order, and gives one tensor or a
            tuple of them.
        inputs: Examples by name, in order, each with a batch of 2 as its first axis; files take
            a batch of any size.
        signals: Axes, unit and order of each input and, after these, each output, in words.
        about: What else must be known to use it, in plain values: steps, scales, origin.
        check: Runs a program beside the network itself, and returns how far it leads away, see
            :func:`difference`.
        distribution: Whose extra ``export`` is asked for where something is missing.
        tolerance: How far it may lead away.
    """

    module: "torch.nn.Module"
    inputs: Mapping[str, "torch.Tensor"]
    signals: Mapping[str, str]
    about: Mapping[str, Any]
    check: Callable[[Program], float]
    distribution: str
    tolerance: float = 1e-5

    @property
    def outputs(self) -> list[str]:
        """Names of the outputs, in order."""
        return [name for name in self.signals if name not in self.inputs]

    def told(self) -> str:
        """What goes into a file, as JSON."""
        meanings = {
            "inputs": {name: self.signals[name] for name in self.inputs},
            "outputs": {name: self.signals[name] for name in self.outputs},
        }
        head = {
            "format": _FORMAT,
            "format_version": FORMAT_VERSION,
            "distribution": self.distribution,
            "version": version_of(self.distribution),
        }
        return to_json({**head, **meanings, **self.about})


def difference(found: Sequence[NDArray[Any]], wanted: Sequence[NDArray[Any]]) -> float:
    """The largest difference of each pair of arrays over the largest of the wanted, of all pairs.

    Args:
        found: Arrays of any shapes.
        wanted: As many, of the same shapes; one that is all zeros is compared as it is.

    Raises:
        ValueError: Shapes differ.
    """
    shapes = [[one.shape for one in arrays] for arrays in (found, wanted)]
    if shapes[0] != shapes[1]:
        raise ValueError(f"arrays must have the shapes {shapes[1]}, got {shapes[0]}")
    pairs = zip(found, wanted, strict=True)
    return max(float(np.abs(a - b).max() / (np.abs(b).max() or 1.0)) for a, b in pairs)


def write_run(exportable: Exportable, config: ExportConfig, run: "Run", name: str) -> float:
    """Write the formats of a config and print a line of each; what an `export` verb does.

    Args:
        exportable: What to write.
        config: Which formats, and where to.
        run: In whose directory they go where no output was named.
        name: Of the files in that directory, without ending.

    Returns:
        The largest difference from the network itself.

    Raises:
        MissingExtra: As for :func:`write_onnx`.
        ArithmeticError: As for :func:`write_onnx`.
    """
    writers = {"onnx": write_onnx, "torch": write_program}
    found = []
    for kind, path in config.paths(run.path(name)).items():
        found.append(writers[kind](exportable, path))
        where = path.name if config.output is None else path
        print(f"{where}  {path.stat().st_size / 1e6:.2g} MB, within {found[-1]:.1e} of the network")
    return max(found)


def write_onnx(exportable: Exportable, path: str | os.PathLike[str]) -> float:
    """Write an ONNX file, if onnxruntime then runs it as the network runs.

    Args:
        exportable: What to write.
        path: File to write; an older one is replaced.

    Returns:
        The difference from the network itself.

    Raises:
        MissingExtra: onnx, onnxscript or onnxruntime is not installed.
        ArithmeticError: The file does not do what the network does; nothing is written.
    """
    for module in _MODULES:
        require(module, "export", exportable.distribution)
    torch = require("torch", "export", exportable.distribution)
    with _without_notes():
        exported = torch.onnx.export(
            _program(exportable),
            input_names=[*exportable.inputs],
            output_names=exportable.outputs,
            dynamic_shapes=_any_batch(exportable),
            verbose=False,
        )
    exported.model.metadata_props[_ABOUT] = exportable.told()
    with atomic_path(path) as temporary:
        exported.save(temporary, external_data=False)
        return _checked(load_onnx(temporary, exportable.distribution), exportable)


def write_program(exportable: Exportable, path: str | os.PathLike[str]) -> float:
    """Write a program of torch.export, if it runs as the network when read back.

    ``torch.export.load(path).module()`` is the module. Read no foreign file with it: one may hold
    pickled objects, which run code when they are read. Ours has its example inputs in that form,
    and torch 2.8 writes its weights so.

    Args:
        exportable: What to write.
        path: File to write, with the ending ``.pt2``; an older one is replaced.

    Returns:
        The difference from the network itself.

    Raises:
        ArithmeticError: The file does not do what the network does; nothing is written.
    """
    torch = require("torch", "export", exportable.distribution)
    with _without_notes():
        program = _program(exportable)
    with atomic_path(path) as temporary:
        torch.export.save(program, temporary, extra_files={_ABOUT: exportable.told()})
        return _checked(_load_program(temporary), exportable)


def load_onnx(path: str | os.PathLike[str], distribution: str = "neuro-common") -> Program:
    """Read an ONNX file, to be run by onnxruntime on one thread.

    Args:
        path: File of :func:`write_onnx`.
        distribution: Whose extra is asked for where onnxruntime is missing.

    Raises:
        MissingExtra: onnxruntime is not installed.
    """
    onnxruntime = require("onnxruntime", "export", distribution)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(
        os.fspath(path), options, providers=["CPUExecutionProvider"]
    )
    names = [one.name for one in session.get_inputs()]

    def program(*arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        return tuple(session.run(None, dict(zip(names, arrays, strict=True))))

    return program


def read_about(path: str | os.PathLike[str]) -> dict[str, Any]:
    """What a file tells of itself; nothing in it is run or unpickled.

    Args:
        path: File of :func:`write_onnx` or :func:`write_program`.

    Returns:
        ``inputs`` and ``outputs``, by name in order, with axes and units in words, and whatever
        else the package that wrote it tells.

    Raises:
        MissingExtra: It is an ONNX file, and onnx is not installed.
        FormatError: It is another file, or a newer neuro-common wrote it.
    """
    path = Path(path)
    read = _about_onnx if path.suffix == ENDINGS["onnx"] else _about_program
    try:
        about: dict[str, Any] = json.loads(read(path))
    except (KeyError, ValueError, zipfile.BadZipFile) as error:
        raise FormatError(f"{path} must be a file of an export verb: {error}") from None
    check_format(path, about.get("format"), about.get("format_version"), _FORMAT)
    return about


def _about_onnx(path: Path) -> str:
    onnx = require("onnx", "export")
    decode = require("google.protobuf.message", "export").DecodeError
    try:
        model = onnx.load_model(path)
    except decode as error:
        raise ValueError(str(error)) from None
    return {one.key: str(one.value) for one in model.metadata_props}[_ABOUT]


def _about_program(path: Path) -> str:
    with zipfile.ZipFile(path) as archive:
        names = [name for name in archive.namelist() if name.endswith(f"/extra/{_ABOUT}")]
        if len(names) != 1:
            raise KeyError(_ABOUT)
        return archive.read(names[0]).decode()


# private: a foreign file could make torch unpickle what it holds
def _load_program(path: Path) -> Program:
    torch = require("torch", "torch")
    module = torch.export.load(path).module()

    def program(*arrays: NDArray[Any]) -> tuple[NDArray[Any], ...]:
        with torch.no_grad():
            given = module(*map(torch.from_numpy, arrays))
        return tuple(one.numpy() for one in (given if isinstance(given, tuple) else (given,)))

    return program


def _program(exportable: Exportable) -> Any:
    torch = require("torch", "torch")
    # a batch of one would be taken for a fixed size
    examples = tuple(exportable.inputs.values())
    with torch.no_grad():
        return torch.export.export(
            exportable.module, examples, dynamic_shapes=_any_batch(exportable)
        )


def _any_batch(exportable: Exportable) -> tuple[dict[int, Any], ...]:
    batch = require("torch.export", "torch").Dim("batch")
    return tuple({0: batch} for _ in exportable.inputs)


def _checked(program: Program, exportable: Exportable) -> float:
    found = exportable.check(program)
    if not found <= exportable.tolerance:
        raise ArithmeticError(
            f"the exported file must follow the network to {exportable.tolerance}, got "
            f"{found:.2g}: versions of torch, onnx and onnxruntime may not fit together"
        )
    return found


@contextmanager
def _without_notes() -> Iterator[None]:
    """Keep back what torch's exporter tells of itself; an error is still an error."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", r".*LeafSpec", FutureWarning)
            # inputs have their batch in common
            warnings.filterwarnings("ignore", r".*axis name: batch will not be used", UserWarning)
            # an LSTM's own list of its weights
            warnings.filterwarnings("ignore", r"(?s).*_flat_weights", UserWarning)
            yield
    finally:
        logging.disable(before)
