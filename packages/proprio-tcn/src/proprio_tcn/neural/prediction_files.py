"""Predictions on disk: tables for people, and an npz that comparisons are made from."""

import json
from pathlib import Path
from typing import Any

import numpy as np

from neuro_common.files import FORMAT_VERSION, FormatError, atomic_path, write_csv
from neuro_common.runs import read_config
from proprio_tcn.neural.formats.npz import check_arrays, read_arrays
from proprio_tcn.neural.prediction import LayerScore, Prediction, TrialSums

__all__ = ["read_prediction", "read_window", "write_prediction"]

_FORMAT = "proprio-tcn/prediction"
_FILE = "prediction.npz"
_FACTS = ("model", "layer", "depth", "kind", "features")
_SCORES = ("alpha", "train_ev", "fold_ev", "test_ev", "test_r2", "test_bits")


def write_prediction(
    directory: str | Path, prediction: Prediction, *, co_bps: bool = False
) -> None:
    """Write ``neurons.csv``, ``layers.csv`` and what `read_prediction` reads.

    Args:
        directory: Where they go.
        prediction: The scores.
        co_bps: As for `Prediction.layer_table`.
    """
    folder, layers = Path(directory), prediction.layers
    write_csv(folder / "neurons.csv", prediction.neuron_table())
    write_csv(folder / "layers.csv", prediction.layer_table(co_bps=co_bps))
    facts = [{name: getattr(one, name) for name in _FACTS} for one in layers]
    shared = layers[0].trials
    arrays: dict[str, Any] = {
        "format": _FORMAT,
        "format_version": FORMAT_VERSION,
        "neurons": np.array(prediction.neurons, dtype=np.str_),
        "layers": json.dumps(facts),
        "bins": shared.bins,
        "y": shared.y,
        "yy": shared.yy,
        "e": np.stack([one.trials.e for one in layers]),
        "ee": np.stack([one.trials.ee for one in layers]),
    }
    arrays |= {name: np.stack([getattr(one, name) for one in layers]) for name in _SCORES}
    arrays["co_bps"] = [one.co_bps for one in layers]
    with atomic_path(folder / _FILE) as temporary:
        np.savez_compressed(temporary, **arrays)


def read_prediction(directory: str | Path) -> Prediction:
    """Read what `write_prediction` wrote.

    Raises:
        FileNotFoundError: The directory holds no prediction.
        FormatError: The file is cut short, foreign or newer.
    """
    path = Path(directory) / _FILE
    if not path.is_file():
        raise FileNotFoundError(
            f"{directory} must be the directory of a finished `proprio-tcn predict`, but it holds "
            f"no {_FILE}"
        )
    arrays = read_arrays(path)
    check_arrays(path, arrays, _FORMAT)
    try:
        facts = json.loads(str(arrays["layers"]))
        layers = [
            LayerScore(
                **one,
                **{name: arrays[name][place] for name in _SCORES},
                trials=TrialSums(
                    arrays["bins"],
                    arrays["y"],
                    arrays["yy"],
                    arrays["e"][place],
                    arrays["ee"][place],
                ),
                co_bps=float(arrays["co_bps"][place]),
            )
            for place, one in enumerate(facts)
        ]
        return Prediction(tuple(str(one) for one in arrays["neurons"]), tuple(layers))
    except (KeyError, TypeError, IndexError, ValueError) as error:
        raise FormatError(
            f"{path} is no whole prediction: {error}; restore it from a copy, or predict again"
        ) from None


def read_window(directory: str | Path) -> str:
    """Which bins a prediction explains, one of `proprio_tcn.neural.windows.WINDOWS`.

    Args:
        directory: Of `proprio-tcn predict`.

    Raises:
        FileNotFoundError: The directory holds no run.
        RunError: The run is another command's.
        FormatError: Its config is damaged.
    """
    config = read_config(directory, of="proprio-tcn predict")
    try:
        return str(config["protocol"]["window"])
    except (KeyError, TypeError):
        raise FormatError(
            f"{Path(directory) / 'config.json'} must have protocol.window, as `proprio-tcn "
            "predict` writes it: predict again"
        ) from None
