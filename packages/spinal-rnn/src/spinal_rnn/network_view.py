"""What figures show of a recurrent network: its rates to trains of pulses, and its weights."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spinal_rnn.conditions import PULSE_WIDTH_US, Conditions
from spinal_rnn.interpretation import (
    Components,
    Orbit,
    eigenvalues,
    measure_orbit,
    outgoing_weight,
    principal_components,
    transition_matrix,
)

if TYPE_CHECKING:
    from spinal_rnn.models.published import Network
    from spinal_rnn.models.recurrent import RecurrentModel

__all__ = ["NetworkView", "Wiring", "view_network", "wiring"]

_SETTLED = 0.2  # part of a trial that is left out of orbits, at its start


class Wiring(NamedTuple):
    """A network's weights and time constants, as they act.

    Attributes:
        output: W, shape (14, units).
        input: B, shape (units, contacts); None for a GRU or an LSTM, as are those that follow.
        recurrent: J, shape (units, units), row = post, column = pre.
        tau_ms: Of the leak, shape (units,).
        spectrum: Eigenvalues of one step, the largest first.
    """

    output: NDArray[np.float64]
    input: NDArray[np.float64] | None = None
    recurrent: NDArray[np.float64] | None = None
    tau_ms: NDArray[np.float64] | None = None
    spectrum: NDArray[np.complex128] | None = None

    @property
    def sent(self) -> NDArray[np.float64]:
        """Signed weight that each unit sends out, recurrent or else to the muscles, (units,)."""
        if self.recurrent is None:
            return np.asarray(self.output.mean(axis=0))
        return outgoing_weight(self.recurrent)


@dataclass(frozen=True, eq=False)
class NetworkView:
    """One configuration at several frequencies, seen by a network and by it before training.

    Attributes:
        conditions: One trial for each frequency.
        time_ms: From the first sample, shape (time,).
        rates: Shape (frequencies, time, units).
        components: Of the rates at each frequency.
        orbits: Of the settled rates at each frequency.
        untrained_orbits: The same of the network with its first weights.
        wiring: Of the network.
        first_wiring: Before training.
    """

    conditions: Conditions
    time_ms: NDArray[np.float64]
    rates: NDArray[np.float64]
    components: tuple[Components, ...]
    orbits: tuple[Orbit, ...]
    untrained_orbits: tuple[Orbit, ...]
    wiring: Wiring
    first_wiring: Wiring


def wiring(network: "Network") -> Wiring:
    """The weights and time constants of a network.

    Args:
        network: A leaky one, or a GRU or an LSTM.
    """
    from neuro_common.leaky import LeakyNetwork

    def numbers(tensor: Any) -> NDArray[np.float64]:
        return np.asarray(tensor.detach().double().cpu().numpy())

    if not isinstance(network, LeakyNetwork):
        return Wiring(numbers(network.output.weight))
    recurrent, alpha = numbers(network.effective_weight()), numbers(network.leak())
    slow = None if network.synapse_leak is None else numbers(network.synapse_leak())
    return Wiring(
        numbers(network.effective_output_weight()),
        numbers(network.input_weight),
        recurrent,
        np.broadcast_to(numbers(network.leak.tau_ms), len(recurrent)),
        eigenvalues(transition_matrix(recurrent, alpha, slow)),
    )


def view_network(
    model: "RecurrentModel",
    vector: NDArray[np.float64],
    amplitude_ma: float,
    frequency_hz: Sequence[float],
    *,
    pulse_width_us: float = PULSE_WIDTH_US,
    pulses: int = 1,
) -> NetworkView:
    """Stimulate a network, and its untrained self, with one configuration at some frequencies.

    Args:
        model: A trained one.
        vector: The configuration, shape (contacts,).
        amplitude_ma: Of the pulses.
        frequency_hz: Of the pulses; of each at least two periods must fit in what is settled.
        pulse_width_us: Of each pulse.
        pulses: Of each burst.
    """
    import torch

    from spinal_rnn.encoding import encode
    from spinal_rnn.models.recurrent_training import build_network

    frequencies = np.asarray(frequency_hz, dtype=np.float64)
    conditions = Conditions.of(vector, amplitude_ma, frequencies, pulse_width_us, pulses)
    rates = np.asarray(model.predict(conditions).activities)
    first = build_network(model.options, len(vector), 1e3 / model.fs_hz).eval()
    currents = encode(conditions, rates.shape[1], model.fs_hz, model.lead_in_ms)
    with torch.no_grad():
        untrained = first(torch.from_numpy(currents.astype(np.float32)))[1]["rate"]
    dt_ms = 1e3 / model.fs_hz
    begin = round(_SETTLED * rates.shape[1])
    return NetworkView(
        conditions,
        np.arange(rates.shape[1], dtype=np.float64) * dt_ms,
        rates,
        tuple(principal_components(one) for one in rates),
        tuple(measure_orbit(one[begin:], dt_ms) for one in rates),
        tuple(measure_orbit(one[begin:], dt_ms) for one in untrained.double().numpy()),
        wiring(model.network),
        wiring(first),
    )
