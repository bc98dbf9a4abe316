"""Root models and reflexes, corrected by a recurrent network that is fed with what they foretell.

What the roots say of a configuration carries over to others; what a network learns beside may be
what they lack: interactions of pulses, late components. The network begins as no correction at all,
and its weights are those that helped most on configurations that neither part had learnt from.
"""

from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray

from neuro_common.checkpoint import load_checkpoint, save_checkpoint
from neuro_common.files import FormatError
from neuro_common.training import Point, fit
from spinal_rnn.conditions import Conditions
from spinal_rnn.emg import Normaliser
from spinal_rnn.models.base import Model, NotFitted, Prediction, check_target
from spinal_rnn.models.published import GatedNetwork, Network
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.models.recurrent_training import (
    Lesson,
    Trials,
    build_network,
    claim,
    hold_out,
)
from spinal_rnn.models.waveform import WaveformModel
from spinal_rnn.muscles import MUSCLES

__all__ = ["HybridModel"]

_KIND = "spinal-rnn/hybrid"


class HybridModel(Model):
    """EMG from conditions: a waveform model, and a recurrent network that corrects it.

    Targets are EMG in mV, shape (trials, time, 14); activities of a prediction are the rates of the
    network's units.

    Args:
        front: Foretells first.
        options: The network that corrects it, and its training; None is a GRU of 64 units.
        mirror: The mirror image of each contact, `spinal_rnn.lead.Lead.mirror`: configurations are
            then held out of the training together with their mirror images.
    """

    def __init__(
        self,
        front: WaveformModel,
        options: RecurrentOptions | None = None,
        *,
        mirror: NDArray[np.int64] | None = None,
    ) -> None:
        self.front, self.mirror = front, mirror
        self.options = RecurrentOptions() if options is None else options
        self._normaliser: Normaliser | None = None
        self._network: Network | None = None
        self._gain = 1.0

    def fit(
        self,
        conditions: Conditions,
        target: NDArray[np.float64],
        *,
        directory: Path | None = None,
        report: Callable[[Point], None] = lambda point: None,
        advance: Callable[[int, float], None] = lambda updates, loss: None,
    ) -> Self:
        """Learn; a training that was cut off in the directory is taken up.

        The waveform model leaves some configurations out, and by these the network's weights are
        chosen. Then it learns from all.

        Args:
            conditions: Of the training trials.
            target: Their EMG, shape (trials, time, 14).
            directory: Where ``checkpoints/`` and ``tensorboard/`` go; None keeps nothing.
            report: Called with every validation of the network.
            advance: Called with the number of its updates, and the loss of the last.

        Raises:
            ValueError: Conditions and target do not fit, or all trials are of one configuration.
            FormatError: The checkpoint is damaged, or of another training.
        """
        check_target(conditions, target, ndim=3)
        if directory is None:
            with TemporaryDirectory() as temporary:
                return self.fit(
                    conditions, target, directory=Path(temporary), report=report, advance=advance
                )
        split = hold_out(self.options, conditions, target, self.mirror)
        self.front.fit(conditions.take(split.train), target[split.train])
        self._normaliser = normaliser = Normaliser.fit(target[split.train])
        missing = normaliser.percent(target - self.front.predict(conditions).values)
        self._gain = float(np.sqrt(np.mean(missing[split.train] ** 2))) or 1.0
        trials = Trials(
            self._inputs(conditions, normaliser),
            torch.from_numpy(missing.astype(np.float32)),
            torch.from_numpy(split.train),
            torch.from_numpy(split.test),
        )
        claim(directory, self.options, trials)
        network = build_network(self.options, len(MUSCLES), 1e3 / self.front.fs_hz)
        _silence(network)
        lesson = Lesson(self.options, network, trials, self._gain)
        fit(
            network,
            torch.optim.Adam(network.parameters(), lr=self.options.learning_rate),
            loss=lesson.loss,
            validate=lesson.validate,
            plan=lesson.plan,
            directory=directory,
            report=report,
            advance=advance,
        )
        self._network = network.eval()
        self.front.fit(conditions, target)
        return self

    def predict(self, conditions: Conditions) -> Prediction:
        """Foretell the EMG.

        Args:
            conditions: Of any trials.

        Raises:
            NotFitted: There is nothing learnt yet.
        """
        if self._network is None or self._normaliser is None:
            raise NotFitted("the model has learnt nothing yet: call fit first")
        with torch.no_grad():
            outputs, activities = self._network(self._inputs(conditions, self._normaliser))
        missing = self._normaliser.restore(self._gain * outputs.double().numpy())
        values = self.front.predict(conditions).values + missing
        return Prediction(values, activities["rate"].double().numpy())

    def save(self, directory: str | Path) -> None:
        """Write the model: the waveform model to ``front``, the network beside it.

        Args:
            directory: Directory to write to.

        Raises:
            NotFitted: The model has learnt nothing yet.
        """
        if self._network is None or self._normaliser is None:
            raise NotFitted("the model has learnt nothing yet: call fit first")
        self.front.save(Path(directory) / "front")
        manifest = {
            "kind": _KIND,
            "options": asdict(self.options),
            "mirror": None if self.mirror is None else self.mirror.tolist(),
            "gain": self._gain,
        }
        scale = {"scale_mv": torch.from_numpy(self._normaliser.scale)}
        tensors = {f"network.{name}": one for name, one in self._network.state_dict().items()}
        save_checkpoint(directory, tensors | scale, manifest)

    @classmethod
    def load(cls, directory: str | Path) -> Self:
        """Read what :meth:`save` wrote; the predictions are the same to the bit.

        Args:
            directory: Directory that was written to.

        Raises:
            FileNotFoundError: There is no whole model.
            FormatError: The files are damaged or of something else.
        """
        arrays, manifest = load_checkpoint(directory)
        if manifest.get("kind") != _KIND:
            raise FormatError(f"{directory} must hold a hybrid model, got {manifest.get('kind')!r}")
        front = WaveformModel.load(Path(directory) / "front")
        try:
            mirror = manifest["mirror"]
            model = cls(
                front,
                RecurrentOptions.stored(manifest["options"]),
                mirror=None if mirror is None else np.asarray(mirror, dtype=np.int64),
            )
            model._gain, model._normaliser = manifest["gain"], Normaliser(arrays.pop("scale_mv"))
            network = build_network(model.options, len(MUSCLES), 1e3 / front.fs_hz)
            network.load_state_dict(
                {n.removeprefix("network."): torch.from_numpy(one) for n, one in arrays.items()}
            )
        except (KeyError, TypeError, ValueError, RuntimeError) as error:
            raise FormatError(
                f"{directory} is no whole hybrid model: {error}; "
                "restore it from a copy, or train it again"
            ) from error
        model._network = network.eval()
        return model

    def _inputs(self, conditions: Conditions, normaliser: Normaliser) -> torch.Tensor:
        """What the front foretells, on the scale of what the network is to add."""
        percent = normaliser.percent(self.front.predict(conditions).values)
        return torch.from_numpy((percent / self._gain).astype(np.float32))


@torch.no_grad()
def _silence(network: Network) -> None:
    """Let a network say nothing until it has learnt something."""
    if isinstance(network, GatedNetwork):
        silenced = [network.output.weight, network.output.bias]
    else:
        silenced = [network.output_weight, network.output_bias]
    for values in silenced:
        values.zero_()
