"""Trained models of whatever kind, from the directory of their training."""

from pathlib import Path

from neuro_common.checkpoint import load_checkpoint
from spinal_rnn.models.hybrid import HybridModel
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.waveform import WaveformModel
from spinal_rnn.models.weights import TrainedEnsemble, load_ensemble

__all__ = ["load_model", "responses_of"]


def load_model(
    directory: str | Path,
) -> TrainedEnsemble | WaveformModel | RecurrentModel | HybridModel:
    """Read a model that `spinal-rnn train` saved.

    Args:
        directory: Of the training.

    Raises:
        FileNotFoundError: There is no whole model.
        FormatError: The files are damaged, or of something else.
    """
    if (Path(directory) / "reflex").is_dir():
        return WaveformModel.load(directory)
    kind = load_checkpoint(directory)[1].get("kind")
    if kind == "spinal-rnn/recurrent":
        return RecurrentModel.load(directory)
    if kind == "spinal-rnn/hybrid":
        return HybridModel.load(directory)
    return load_ensemble(directory)


def responses_of(
    model: TrainedEnsemble | WaveformModel | RecurrentModel | HybridModel,
) -> TrainedEnsemble:
    """The part of a model that foretells late responses by way of roots.

    Args:
        model: As :func:`load_model` gives it.

    Raises:
        ValueError: It has none.
    """
    if isinstance(model, TrainedEnsemble):
        return model
    front = model.front if isinstance(model, HybridModel) else model
    if isinstance(front, RecurrentModel) or front.scale is None:
        raise ValueError(
            "the weights must be of a model with roots (anatomical, geometric, reflex or hybrid), "
            "got a recurrent network, which foretells the EMG alone"
        )
    return TrainedEnsemble(front.ensemble, front.scale, {})
