"""Trained ensembles in files: tensors without pickle, and a manifest that tells how to read."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from spinal_rnn.conditions import Conditions
from spinal_rnn.lead import Lead
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.base import NotFitted
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.geometric import GeometricForm
from spinal_rnn.models.intervals import Calibration
from spinal_rnn.responses import Scale

__all__ = ["FORMS", "TrainedEnsemble", "check_pulses", "load_ensemble", "save_ensemble"]

FORMS: Mapping[str, type[AnatomicalForm] | type[GeometricForm]] = {
    "anatomical": AnatomicalForm,
    "geometric": GeometricForm,
}
"""The forms by name."""

_KIND = "spinal-rnn/ensemble"
_SETTINGS = ("members", "folds", "updates", "learning_rate", "level", "seed")
_MODEL = "model."


@dataclass(frozen=True, eq=False)
class TrainedEnsemble:
    """An ensemble with what is needed to use it.

    Attributes:
        model: The ensemble.
        scale: What its targets were divided by.
        facts: What was told of it: session, scores, command.
    """

    model: RootEnsemble
    scale: Scale
    facts: Mapping[str, Any]


def check_pulses(trained: TrainedEnsemble, conditions: Conditions) -> None:
    """Refuse bursts of another length than were learnt from: the ensemble does not see pulses.

    Args:
        trained: The ensemble; one that does not tell what it learnt from takes any.
        conditions: Of any trials.

    Raises:
        ValueError: A trial has another number of pulses a burst.
    """
    learnt = trained.facts.get("pulses")
    other = conditions.pulses != learnt
    if learnt is not None and other.any():
        trial = int(other.argmax())
        raise ValueError(
            f"trial {trial}: pulses must be {learnt}, as in the trials that the weights learnt "
            f"from, got {conditions.pulses[trial]}"
        )


def save_ensemble(directory: str | Path, trained: TrainedEnsemble) -> None:
    """Write a trained ensemble, whole or not at all.

    Args:
        directory: Where ``weights.safetensors`` and ``manifest.json`` go.
        trained: The ensemble.

    Raises:
        NotFitted: It has learnt nothing yet.
    """
    model = trained.model
    if not model.parameters:
        raise NotFitted("an ensemble must be fitted before it is saved: call fit first")
    name = next(name for name, form in FORMS.items() if isinstance(model.form, form))
    options = {
        one.name: getattr(model.form, one.name) for one in fields(FORMS[name]) if one.name != "lead"
    }
    lead = model.form.lead
    tensors = {f"{_MODEL}{key}": value.numpy() for key, value in model.parameters.items()}
    tensors |= {"scale_mv": trained.scale.mv, "lead_x_mm": lead.x_mm, "lead_z_mm": lead.z_mm}
    intervals = None
    if model.calibration is not None:
        tensors["calibration"] = model.calibration.parts
        names = ("quantile", "level", "large_quantile")
        intervals = {name: getattr(model.calibration, name) for name in names}
    manifest = {
        "kind": _KIND,
        "form": name,
        "options": options,
        "settings": {key: getattr(model, key) for key in _SETTINGS},
        "intervals": intervals,
        "lead": {"name": lead.name, "contact_mm": list(lead.contact_mm)},
        "facts": dict(trained.facts),
    }
    save_checkpoint(directory, tensors, manifest)


def load_ensemble(directory: str | Path) -> TrainedEnsemble:
    """Read what :func:`save_ensemble` wrote; predictions are the same to the last bit.

    Args:
        directory: That of a training run, or any that was written to.

    Raises:
        FileNotFoundError: There are no weights, or no manifest.
        FormatError: They are damaged, or of something else.
    """
    tensors, manifest = load_checkpoint(directory)
    if manifest.get("kind") != _KIND:
        raise FormatError(
            f"{directory} must hold an ensemble of spinal-rnn, got {manifest.get('kind')!r}"
        )
    try:
        about = manifest["lead"]
        width, length = about["contact_mm"]
        lead = Lead(about["name"], tensors["lead_x_mm"], tensors["lead_z_mm"], (width, length))
        form = replace(FORMS[manifest["form"]](**manifest["options"]), lead=lead)
        settings = dict(manifest["settings"])
        if "steps" in settings:  # what older files call the updates
            settings["updates"] = settings.pop("steps")
        model = RootEnsemble(form, **settings)
        model.parameters = {
            name.removeprefix(_MODEL): torch.from_numpy(np.array(one))
            for name, one in tensors.items()
            if name.startswith(_MODEL)
        }
        if (intervals := manifest["intervals"]) is not None:
            model.calibration = Calibration(tensors["calibration"], **intervals)
        return TrainedEnsemble(model, Scale(tensors["scale_mv"]), manifest["facts"])
    except (KeyError, TypeError, ValueError) as error:
        raise FormatError(
            f"{directory} is no whole ensemble: {error}; restore it from a copy, or train it again"
        ) from error
