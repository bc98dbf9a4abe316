"""Trained models for other programs: stimulation goes in, responses or EMG in mV come out.

Models with roots (anatomical, geometric, reflex, hybrid) leave as what foretells late responses, a
recurrent network as one step of its EMG, with what it remembers handed in and out.
"""

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from neuro_common.exporting import Exportable, Program, difference
from neuro_common.leaky import LeakyNetwork
from neuro_common.leaky_cell import LeakyCell, UnitState
from spinal_rnn.conditions import Conditions
from spinal_rnn.models.files import responses_of
from spinal_rnn.models.forms import Stimulation
from spinal_rnn.models.hybrid import HybridModel
from spinal_rnn.models.published import GatedNetwork
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.waveform import WaveformModel
from spinal_rnn.models.weights import TrainedEnsemble
from spinal_rnn.muscles import MUSCLES

__all__ = ["GatedStep", "LateResponses", "LeakyStep", "exportable"]

_MEMORY = ("rate", "state", "synapse")


class LateResponses(nn.Module):
    """Late responses by way of roots, the mean of an ensemble.

    Args:
        trained: The ensemble; its numbers are copied.
    """

    scale_mv: Tensor

    def __init__(self, trained: TrainedEnsemble) -> None:
        super().__init__()
        self.form, self.names = trained.model.form, tuple(trained.model.parameters)
        for name in self.names:
            self.register_buffer(f"of_{name}", trained.model.parameters[name].clone())
        self.register_buffer("scale_mv", torch.tensor(trained.scale.mv).float())

    def forward(
        self, currents_ma: Tensor, frequency_hz: Tensor, pulse_width_us: Tensor
    ) -> tuple[Tensor, Tensor]:
        """Foretell.

        Args:
            currents_ma: Shape (batch, contacts), the case last.
            frequency_hz: Shape (batch,).
            pulse_width_us: Shape (batch,).

        Returns:
            Responses in mV, shape (batch, 14), and recruited parts of the roots, (batch, roots).
        """
        parameters = {name: self.get_buffer(f"of_{name}") for name in self.names}
        given = Stimulation(currents_ma, frequency_hz, pulse_width_us)
        sizes, roots = self.form.respond(parameters, given)
        return sizes.mean(0) * self.scale_mv, roots.mean(0)


class GatedStep(nn.Module):
    """One step of a GRU or an LSTM; what it remembers is handed over.

    Args:
        network: The network.
        factor: What an output of 1 means in mV, shape (14,).
    """

    factor: Tensor

    def __init__(self, network: GatedNetwork, factor: Tensor) -> None:
        super().__init__()
        self.recurrent: nn.GRU | nn.LSTM
        self.recurrent, self.output = network.recurrent, network.output
        self.long = isinstance(network.recurrent, nn.LSTM)
        self.register_buffer("factor", factor)

    def forward(
        self, currents_ma: Tensor, hidden: Tensor, cell: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Take a step.

        Args:
            currents_ma: Shape (batch, contacts).
            hidden: Shape (batch, layers, units).
            cell: Of an LSTM, likewise.

        Returns:
            EMG in mV, shape (batch, 14), and the next ``hidden`` and ``cell``.
        """
        given = (hidden,) if cell is None else (hidden, cell)
        memory = tuple(one.transpose(0, 1).contiguous() for one in given)
        rate, following = self.recurrent(currents_ma[:, None], memory if self.long else memory[0])
        emg = self.output(rate[:, 0]) * self.factor
        return (emg, *(one.transpose(0, 1) for one in (following if self.long else (following,))))


class LeakyStep(nn.Module):
    """One step of a leaky network without its noise; what it remembers is handed over.

    Args:
        network: The network.
        factor: What an output of 1 means in mV, shape (14,).
    """

    factor: Tensor
    input_weight: Tensor
    bias: Tensor
    kernel: Tensor
    alpha: Tensor
    readout: Tensor
    output_bias: Tensor
    synapse_alpha: Tensor | None
    feedback: Tensor | None

    def __init__(self, network: LeakyNetwork, factor: Tensor) -> None:
        super().__init__()
        cell = network.cell()
        self.before, self.after = cell.before, cell.after
        for name, value in (
            ("factor", factor),
            ("input_weight", network.input_weight),
            ("bias", network.bias),
            ("kernel", cell.kernel),
            ("alpha", cell.alpha),
            ("readout", network.effective_output_weight()),
            ("output_bias", network.output_bias),
            ("synapse_alpha", cell.synapse_alpha),
            ("feedback", network.feedback_weight),
        ):
            self.register_buffer(name, None if value is None else value.detach().contiguous())

    def forward(
        self, currents_ma: Tensor, units: Tensor, echo: Tensor | None = None
    ) -> tuple[Tensor, ...]:
        """Take a step.

        Args:
            currents_ma: Shape (batch, contacts).
            units: Rate, state and synapse of each unit, shape (batch, 3, units).
            echo: Of a network with feedback, its outputs on their way back, oldest first, shape
                (batch, steps, 14).

        Returns:
            EMG in mV, shape (batch, 14), and the next ``units`` and ``echo``.
        """
        linear = nn.functional.linear
        drive = linear(currents_ma, self.input_weight, self.bias)
        if self.feedback is not None and echo is not None:
            drive = drive + linear(echo[:, 0], self.feedback)
        cell = LeakyCell(self.kernel, self.alpha, self.synapse_alpha, self.before, self.after)
        activity = cell.step(UnitState(*units.unbind(1)), drive, None)
        output = linear(activity.rate, self.readout, self.output_bias)
        told = (output * self.factor, torch.stack(activity, dim=1))
        return told if echo is None else (*told, torch.cat((echo[:, 1:], output[:, None]), dim=1))


def exportable(
    model: TrainedEnsemble | WaveformModel | RecurrentModel | HybridModel,
) -> Exportable:
    """A trained model, as `neuro_common.exporting` writes it.

    Args:
        model: As `spinal_rnn.models.files.load_model` gives it, on the CPU.

    Raises:
        ValueError: It is a recurrent network that corrects another one.
    """
    if isinstance(model, RecurrentModel):
        return _of_network(model)
    return _of_roots(responses_of(model))


def _of_roots(trained: TrainedEnsemble) -> Exportable:
    contacts = len(trained.model.form.lead.x_mm)

    def check(program: Program) -> float:
        conditions = _drawn(contacts)
        members, roots = trained.model.predict_members(conditions)
        wanted = [trained.scale.invert(members.mean(axis=0)), roots.mean(axis=0)]
        columns = (conditions.currents_ma, conditions.frequency_hz, conditions.pulse_width_us)
        found = program(*(one.astype(np.float32) for one in columns))
        return difference(found, wanted)

    return Exportable(
        LateResponses(trained).eval(),
        {
            "currents_ma": torch.zeros(2, contacts),
            "frequency_hz": torch.full((2,), 40.0),
            "pulse_width_us": torch.full((2,), 300.0),
        },
        {
            "currents_ma": f"(batch, {contacts}): of each contact, the case last, mA, cathodes < 0",
            "frequency_hz": "(batch,): pulses per second",
            "pulse_width_us": "(batch,): us",
            "responses_mv": "(batch, 14 muscles): mean peak-to-peak after the first pulse, mV",
            "roots": "(batch, 14): recruited part of each root's fibres, left then right",
        },
        {"model": "roots", "lead": trained.model.form.lead.name, "muscles": list(MUSCLES)},
        check,
        "spinal-rnn",
    )


def _of_network(model: RecurrentModel) -> Exportable:
    network = model.network
    factor = torch.tensor(model.output_mv).float()
    step: GatedStep | LeakyStep
    if isinstance(network, LeakyNetwork):
        step, contacts = LeakyStep(network, factor), network.input_weight.shape[1]
        memory = {"units": torch.zeros(2, len(_MEMORY), network.units)}
        told = {"units": f"(batch, 3, {network.units}): {', '.join(_MEMORY)} of each unit"}
        if network.delay_steps:
            memory["echo"] = torch.zeros(2, network.delay_steps, len(MUSCLES))
            told["echo"] = f"(batch, {network.delay_steps}, 14): outputs on their way back"
    else:
        step, layer = GatedStep(network, factor), network.recurrent
        contacts = layer.input_size
        names = ("hidden", "cell") if step.long else ("hidden",)
        memory = {name: torch.zeros(2, layer.num_layers, layer.hidden_size) for name in names}
        shape = f"(batch, {layer.num_layers} layers, {layer.hidden_size})"
        told = dict.fromkeys(names, shape)
    signals = {"currents_ma": f"(batch, {contacts}): as `spinal_rnn.encoding.encode` gives them"}
    for name, one in told.items():
        signals[name] = f"{one}; what next_{name} was, zeros at the start"
    signals["emg_mv"] = "(batch, 14 muscles): mV"
    signals |= {f"next_{name}": f"to be given back as {name}" for name in memory}
    return Exportable(
        step.eval(),
        {"currents_ma": torch.zeros(2, contacts), **memory},
        signals,
        {
            "model": model.options.network,
            "dt_ms": 1e3 / model.fs_hz,
            "lead_in_ms": model.lead_in_ms,
            "muscles": list(MUSCLES),
        },
        lambda program: _deviation(program, model, contacts, memory),
        "spinal-rnn",
        # rounding grows with the steps
        tolerance=1e-4,
    )


def _deviation(
    program: Program, model: RecurrentModel, contacts: int, memory: dict[str, Tensor]
) -> float:
    """The largest difference of EMG over whole trials, one step after the other."""
    conditions = _drawn(contacts)
    wanted: Any = model.predict(conditions).values
    inputs = model.inputs(conditions, wanted.shape[1])
    state = [np.repeat(one.numpy()[:1], len(inputs), axis=0) for one in memory.values()]
    emg = []
    for now in inputs.swapaxes(0, 1):
        one, *state = program(np.ascontiguousarray(now), *state)
        emg.append(one)
    return difference([np.stack(emg, axis=1)], [wanted])


def _drawn(contacts: int) -> Conditions:
    """Six trials with cathode and anode anywhere."""
    rng = np.random.default_rng(0)
    vectors = np.zeros((6, contacts))
    for one in vectors:
        one[rng.choice(contacts, 2, replace=False)] = -1.0, 1.0
    return Conditions.of(vectors, rng.uniform(1, 8, 6), rng.uniform(20, 80, 6), 300.0)
