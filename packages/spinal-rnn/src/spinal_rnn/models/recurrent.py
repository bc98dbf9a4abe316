"""Recurrent networks that learn the waveforms of a session: pulses in, EMG of fourteen muscles out.

Any of the published networks (`spinal_rnn.models.published`), or DaleRNN, a leaky network that
keeps Dale's law in every path. Training is by Adam on percent of each muscle's maximum; some of the
training configurations are held out of it, and the weights that foretell them best are kept.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.device import checked_device
from neuro_common.files import FormatError
from neuro_common.training import Point, fit
from spinal_rnn.conditions import Conditions
from spinal_rnn.emg import MODEL_FS_HZ, Normaliser
from spinal_rnn.encoding import encode
from spinal_rnn.models.base import Model, NotFitted, Prediction, check_target
from spinal_rnn.models.published import Network
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.models.recurrent_training import (
    Lesson,
    Trials,
    build_network,
    claim,
    hold_out,
)
from spinal_rnn.session import LEAD_IN_MS

__all__ = ["RecurrentModel"]

_KIND = "spinal-rnn/recurrent"
_PREDICT_BATCH = 128


@dataclass(frozen=True, eq=False)
class _Learnt:
    """What a fitted model knows; `gain` is what an output of 1 means, in percent."""

    network: Network
    normaliser: Normaliser
    gain: float
    channels: int
    samples: int
    facts: Mapping[str, Any]


class RecurrentModel(Model):
    """Waveforms from conditions, by a recurrent network.

    Targets are EMG in mV of shape (trials, time, 14); so are the predictions. A muscle that was
    silent in the training trials is foretold as exactly 0. Activities are the rates of the units.

    Args:
        options: The network and its training; None is a GRU of 64 units.
        fs_hz: Samples per second of the target.
        lead_in_ms: From its first sample to the first pulse.
        mirror: The mirror image of each contact, `spinal_rnn.lead.Lead.mirror`: configurations are
            then held out of the training together with their mirror images.
        device: Where the network is trained and run: "cpu", "cuda" or "cuda:1".

    Raises:
        ValueError: Torch has no such device here.
    """

    def __init__(
        self,
        options: RecurrentOptions | None = None,
        *,
        fs_hz: float = MODEL_FS_HZ,
        lead_in_ms: float = LEAD_IN_MS,
        mirror: NDArray[np.int64] | None = None,
        device: str = "cpu",
    ) -> None:
        self.options = RecurrentOptions() if options is None else options
        self.fs_hz, self.lead_in_ms, self.mirror = fs_hz, lead_in_ms, mirror
        self.device = checked_device(device)
        self._learnt: _Learnt | None = None

    @property
    def network(self) -> Network:
        """The trained network; its outputs are in parts of a gain, see :attr:`facts`.

        Raises:
            NotFitted: There is none yet.
        """
        return self._known().network

    @property
    def samples(self) -> int:
        """Of a trial, as they were learnt from.

        Raises:
            NotFitted: There is no network yet.
        """
        return self._known().samples

    @property
    def output_mv(self) -> NDArray[np.float64]:
        """What an output of 1 of the network means, shape (14,).

        Raises:
            NotFitted: There is none yet.
        """
        known = self._known()
        return known.normaliser.restore(np.full(len(known.normaliser.scale), known.gain))

    @property
    def facts(self) -> Mapping[str, Any]:
        """How the training ended: updates, the best of them, its loss in percent squared.

        Raises:
            NotFitted: There was none yet.
        """
        return self._known().facts

    def fit(
        self,
        conditions: Conditions,
        target: NDArray[np.float64],
        *,
        directory: Path | None = None,
        report: Callable[[Point], None] = lambda point: None,
        advance: Callable[[int, float], None] = lambda updates, loss: None,
    ) -> Self:
        """Train; a training that was cut off in the directory is taken up and ends the same.

        Args:
            conditions: Of the training trials.
            target: Their EMG, shape (trials, time, 14).
            directory: Where ``checkpoints/`` and ``tensorboard/`` go; None keeps nothing.
            report: Called with every validation, once an epoch. Its loss is the mean squared error
                in percent squared, without regularisers.
            advance: Called with the number of updates that were made, and the loss of the last.

        Raises:
            ValueError: Conditions and target do not fit, or all trials are of one configuration.
            FormatError: The checkpoint is damaged, or of a training with other trials or options.
        """
        check_target(conditions, target, ndim=3)
        if directory is None:
            with TemporaryDirectory() as temporary:
                return self.fit(
                    conditions, target, directory=Path(temporary), report=report, advance=advance
                )
        split = hold_out(self.options, conditions, target, self.mirror)
        normaliser = Normaliser.fit(target[split.train])
        percent = normaliser.percent(target)
        # outputs near 1 are what first weights give; a session without any EMG has no gain
        gain = float(np.sqrt(np.mean(percent[split.train] ** 2))) or 1.0
        inputs = self.inputs(conditions, target.shape[1])
        trials = Trials(
            torch.from_numpy(inputs).to(self.device),
            torch.from_numpy(percent.astype(np.float32)).to(self.device),
            torch.from_numpy(split.train).to(self.device),
            torch.from_numpy(split.test).to(self.device),
        )
        claim(directory, self.options, trials)
        channels = inputs.shape[2]
        network = build_network(self.options, channels, 1e3 / self.fs_hz).to(self.device)
        lesson = Lesson(self.options, network, trials, gain)
        fitted = fit(
            network,
            torch.optim.Adam(network.parameters(), lr=self.options.learning_rate),
            loss=lesson.loss,
            validate=lesson.validate,
            plan=lesson.plan,
            directory=directory,
            report=report,
            advance=advance,
        )
        facts = {
            "updates": fitted.updates,
            "best_update": fitted.best.update,
            "validation_loss": fitted.best.scores["loss"],
            "gain_percent": gain,
        }
        network.eval()
        self._learnt = _Learnt(network, normaliser, gain, channels, target.shape[1], facts)
        return self

    def inputs(self, conditions: Conditions, samples: int) -> NDArray[np.float32]:
        """What the network sees: here the contacts' currents in mA, in a subclass what it likes.

        Args:
            conditions: Of any trials.
            samples: Of each trial.

        Returns:
            Shape (trials, time, channels).

        Raises:
            ValueError: Pulse widths differ that are all alike at this sampling rate.
        """
        width_us = conditions.pulse_width_us
        alike = np.unique(width_us[width_us <= 1e6 / self.fs_hz])
        if len(alike) > 1:
            raise ValueError(
                f"pulse_width_us must be the same in all trials, got {alike[0]:g} to "
                f"{alike[-1]:g}: at {self.fs_hz:g} samples per s they are one sample alike; keep "
                "the trials of one, or import at a higher rate (to_hz)"
            )
        return encode(conditions, samples, self.fs_hz, self.lead_in_ms).astype(np.float32)

    def predict(self, conditions: Conditions) -> Prediction:
        """Foretell the EMG.

        Args:
            conditions: Of any trials.

        Raises:
            NotFitted: The model has learnt nothing yet.
            ValueError: The conditions are of another number of contacts.
        """
        known = self._known()
        given = self.inputs(conditions, known.samples)
        if given.shape[2] != known.channels:
            raise ValueError(
                f"conditions must give the {known.channels} channels that were learnt from, one "
                f"for each contact and the case, got {given.shape[2]}"
            )
        inputs = torch.from_numpy(given).to(self.device)
        values, rates = [], []
        with torch.no_grad():
            for first in range(0, len(inputs), _PREDICT_BATCH):
                outputs, activities = known.network(inputs[first : first + _PREDICT_BATCH])
                values.append(outputs.double().cpu().numpy())
                rates.append(activities["rate"].double().cpu().numpy())
        percent = known.gain * np.concatenate(values)
        return Prediction(known.normaliser.restore(percent), np.concatenate(rates))

    def save(self, directory: str | Path) -> None:
        """Write the model as ``weights.safetensors`` and ``manifest.json``.

        Args:
            directory: Directory to write to.

        Raises:
            NotFitted: The model has learnt nothing yet.
        """
        known = self._known()
        tensors = {f"network.{name}": value for name, value in known.network.state_dict().items()}
        manifest = {
            "kind": _KIND,
            "options": asdict(self.options),
            "fs_hz": self.fs_hz,
            "lead_in_ms": self.lead_in_ms,
            "mirror": None if self.mirror is None else self.mirror.tolist(),
            "channels": known.channels,
            "samples": known.samples,
            "gain": known.gain,
            "facts": dict(known.facts),
        }
        scale = torch.from_numpy(known.normaliser.scale)
        save_checkpoint(directory, tensors | {"scale_mv": scale}, manifest)

    @classmethod
    def load(cls, directory: str | Path, *, device: str = "cpu") -> Self:
        """Read what :meth:`save` wrote; the predictions are the same to the bit on one machine.

        Args:
            directory: Directory that was written to.
            device: Where the network is to run.

        Raises:
            ValueError: Torch has no such device here.
            FileNotFoundError: There is no whole model.
            FormatError: The files are damaged, of another kind, or do not belong together.
        """
        place = checked_device(device)
        arrays, manifest = load_checkpoint(directory)
        if manifest.get("kind") != _KIND:
            raise FormatError(
                f"{directory} must hold a recurrent model of spinal-rnn, got "
                f"{manifest.get('kind')!r}"
            )
        try:
            mirror = manifest["mirror"]
            model = cls(
                RecurrentOptions.stored(manifest["options"]),
                fs_hz=manifest["fs_hz"],
                lead_in_ms=manifest["lead_in_ms"],
                mirror=None if mirror is None else np.asarray(mirror, dtype=np.int64),
                device=device,
            )
            network = build_network(model.options, manifest["channels"], 1e3 / model.fs_hz)
            scale = arrays.pop("scale_mv")
            weights = {
                name.removeprefix("network."): torch.from_numpy(value)
                for name, value in arrays.items()
            }
            network.load_state_dict(weights)
            model._learnt = _Learnt(
                network.to(place).eval(),
                Normaliser(scale),
                float(manifest["gain"]),
                int(manifest["channels"]),
                int(manifest["samples"]),
                manifest["facts"],
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise FormatError(
                f"{directory} is no whole recurrent model: {error}; "
                "restore it from a copy, or train it again"
            ) from error
        return model

    def _known(self) -> _Learnt:
        if self._learnt is None:
            raise NotFitted(f"{self.options.network} has learnt nothing yet: call fit first")
        return self._learnt
