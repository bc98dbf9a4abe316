"""Features of networks on disk, bound to the windows and the settings that they were made for."""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from neuro_common.files import FORMAT_VERSION, FormatError, atomic_path
from proprio_tcn.neural.features import Features
from proprio_tcn.neural.formats.npz import check_arrays, read_arrays
from proprio_tcn.neural.protocol import Protocol
from proprio_tcn.neural.targets import Targets

__all__ = ["StoredFeatures", "StoredLayer", "read_features", "write_features"]

_FORMAT = "proprio-tcn/features"
_FACTS, _VALUES = "facts.{}", "values.{}"


def write_features(
    path: str | Path,
    targets: Targets,
    features: Sequence[Features],
    protocol: Protocol,
    *,
    control: str | None = None,
    seed: int = 0,
) -> None:
    """Write features with all that they depend on, as npz.

    Args:
        path: Of the file.
        targets: Whose windows, split and movements they are of.
        features: Of the layers of one network or more.
        protocol: That they were made by.
        control: As for `proprio_tcn.neural.models.network_features`.
        seed: Of the control.
    """
    arrays: dict[str, Any] = {"format": _FORMAT, "format_version": FORMAT_VERSION}
    arrays |= _place(targets)
    arrays["settings"] = json.dumps(_settings(protocol, control, seed))
    for number, one in enumerate(features):
        arrays[_FACTS.format(number)] = np.array([one.model, one.layer, str(one.depth), one.kind])
        arrays[_VALUES.format(number)] = one.values
    with atomic_path(path) as temporary:
        np.savez(temporary, **arrays)


class StoredLayer(NamedTuple):
    """What a file says of one layer, beside its values; see `Features`."""

    model: str
    layer: str
    depth: int
    kind: str


@dataclass(frozen=True)
class StoredFeatures:
    """Layers in a file of `proprio-tcn activations`; iterating reads one after another.

    Attributes:
        path: Of the file.
        layers: What they are.
    """

    path: Path
    layers: tuple[StoredLayer, ...]

    def __iter__(self) -> Iterator[Features]:
        """Read each layer when its turn comes.

        Raises:
            FormatError: The file was damaged since it was opened, or beyond its headings.
        """
        for number, one in enumerate(self.layers):
            name = _VALUES.format(number)
            values = read_arrays(self.path, name.__eq__)[name]
            yield Features(one.model, one.layer, values, one.depth, one.kind)


def read_features(
    path: str | Path,
    targets: Targets,
    protocol: Protocol,
    *,
    control: str | None = None,
    seed: int = 0,
) -> StoredFeatures:
    """Open what `write_features` wrote for the same windows, split, movements and settings.

    Args:
        path: Of the file.
        targets: As for `write_features`.
        protocol: As for `write_features`.
        control: As for `write_features`.
        seed: As for `write_features`.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is cut short, foreign or newer.
        ValueError: It was made for something else.
    """
    held: list[str] = []

    def heading(name: str) -> bool:
        held.append(name)
        return not name.startswith(_VALUES.format(""))

    arrays = read_arrays(path, heading)
    check_arrays(path, arrays, _FORMAT)
    for name, wanted in _place(targets).items():
        if name not in arrays or not _alike(arrays[name], wanted):
            raise ValueError(
                f"{path} must be of the same windows, split and movements, but its {name} differs: "
                "make it anew with the recording, the protocol and the seed of this prediction"
            )
    _check_settings(path, arrays, _settings(protocol, control, seed))
    layers = []
    for number in range(sum(name.startswith(_FACTS.format("")) for name in arrays)):
        try:
            model, layer, depth, kind = (str(one) for one in arrays[_FACTS.format(number)])
            layers.append(StoredLayer(model, layer, int(depth), kind))
            held.remove(_VALUES.format(number))
        except (KeyError, TypeError, ValueError) as error:
            raise FormatError(
                f"{path} must name and hold each of its layers, but not its layer {number} "
                f"({error}): make it anew with `proprio-tcn activations`"
            ) from None
    return StoredFeatures(Path(path), tuple(layers))


def _place(targets: Targets) -> dict[str, Any]:
    windows = targets.windows
    place: dict[str, Any] = {
        "trial": windows.trial,
        "start": windows.start,
        "stop": windows.stop,
        "train": targets.split.train,
    }
    if targets.recording is not None:
        lengths = windows.gather(targets.recording.variables(["muscle_length"]))
        mean = lengths.mean(axis=1, dtype=np.float64)
        place["muscle_length"] = np.add.reduceat(mean, windows.first_row)
    return place


def _alike(stored: Any, wanted: Any) -> bool:
    if stored.shape != wanted.shape:
        return False
    # a simulated session rounds otherwise on another processor
    return bool(np.allclose(stored, wanted, rtol=1e-5))


def _settings(protocol: Protocol, control: str | None, seed: int) -> dict[str, Any]:
    names = ("components", "placement", "padding", "compat")
    return {
        **{f"protocol.{name}": getattr(protocol, name) for name in names},
        "control": control,
        "seed": None if control is None else seed,
    }


def _check_settings(path: str | Path, arrays: dict[str, Any], wanted: dict[str, Any]) -> None:
    try:
        stored = json.loads(str(arrays["settings"]))
        differ = {name: stored[name] for name, value in wanted.items() if stored[name] != value}
    except (KeyError, TypeError, ValueError):
        raise FormatError(
            f"{path} does not say by which settings it was made: make it anew with "
            "`proprio-tcn activations`"
        ) from None
    if differ:
        made = ", ".join(f"{name}={_word(value)}" for name, value in differ.items())
        asked = ", ".join(f"{name}={_word(wanted[name])}" for name in differ)
        raise ValueError(
            f"{path} was made with {made}, but this prediction is asked for {asked}: give the same "
            "to both"
        )


def _word(value: Any) -> str:
    return json.dumps(value).strip('"')
