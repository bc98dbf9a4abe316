"""What an environment asks of a model, and the part that coupled neurons share.

A model of one's own subclasses `Oscillators`: a flow, six constants and the limits. What is asked
of any model, phase oscillators included, is `Model`.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Protocol

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from rldbs_env.arrays import Array
from rldbs_env.networks import Network

__all__ = ["Limits", "Model", "Oscillators", "largest_current", "largest_input"]

Limits = tuple[float, float, float, float]
"""Range (x_low, x_high, y_low, y_high) of the mean fields."""


class Model(Protocol):
    """What an environment asks of a model: an immutable, hashable description of an ensemble."""

    @property
    def variables(self) -> tuple[str, ...]:
        """Names of a neuron's variables, the first being the one that is recorded."""

    @property
    def coupling(self) -> float:
        """Strength of the coupling."""

    @property
    def dt(self) -> float:
        """Length of one RK4 step in time units."""

    @property
    def n_sensors(self) -> int:
        """Mean fields that can be seen."""

    @property
    def n_electrodes(self) -> int:
        """Kicks that can be given."""

    @property
    def n_work(self) -> int:
        """Rows of scratch that the compiled step needs."""

    @property
    def window(self) -> int:
        """Samples that a controller should see, when nothing else is asked for."""

    @property
    def largest_kick(self) -> float:
        """Strongest kick that is admitted."""

    @property
    def period(self) -> float:
        """One cycle of the synchronised ensemble in time units."""

    @property
    def period_steps(self) -> int:
        """Steps in one cycle of the synchronised ensemble."""

    @property
    def transient_steps(self) -> int:
        """Steps after which a new ensemble has settled on its collective rhythm."""

    def draw(
        self, n_neurons: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """State (variables, n_neurons) and currents (n_neurons,) of a new ensemble."""

    def rates(self, state: ArrayLike, currents: ArrayLike) -> NDArray[np.float64]:
        """Time derivative of the whole ensemble, shape (variables, n_neurons)."""

    def parameters(self, dtype: DTypeLike) -> Array:
        """Numbers of the compiled step; first coupling, dt, shift of all currents and noise.

        Shape (parameters,).
        """

    def wiring(self, n_neurons: int, dtype: DTypeLike) -> Any:
        """Arrays of the compiled step that all ensembles share."""

    def step(self) -> Callable[..., None]:
        """The compiled step; see `rldbs_env.rk4.planar_step` for what it takes."""

    def observe(self, state: Array, wiring: Any) -> Array:
        """Mean fields (2, n_sensors) of a state (variables, n_neurons)."""

    def limits(self, max_kick: float) -> Limits:
        """Range (x_low, x_high, y_low, y_high) that no mean field leaves."""


@dataclass(frozen=True)
class Oscillators:
    """Neurons of two or three variables, coupled through x; the part that models share.

    Neuron ``i`` of population ``p`` receives ``I_i + coupling * (X_p + cross_coupling * sum of the
    other populations' X)``, or ``I_i + coupling * sum_j strengths_ij x_j`` on a network. Each
    population is recorded and kicked on its own.

    Attributes:
        coupling: Strength of the coupling.
        spread: Standard deviation of the currents, at least 0.
        mean_current: Mean of the currents.
        dt: Length of one RK4 step in time units.
        noise: Dynamic noise: x gains ``noise * sqrt(dt)`` times a standard normal number per step.
        populations: Number of populations of equal size (the last takes the rest).
        cross_coupling: Coupling between populations, relative to that within.
        network: Who is coupled to whom; None for all alike. Excludes several populations.

    Raises:
        ValueError: A number is not finite or out of its range, or a network comes with several
            populations.
    """

    coupling: float
    spread: float
    mean_current: float
    dt: float
    noise: float = 0.0
    populations: int = 1
    cross_coupling: float = 0.0
    network: Network | None = None

    variables: ClassVar[tuple[str, ...]]
    period: ClassVar[float]
    transient_time: ClassVar[float]
    largest_dt: ClassVar[float]

    def __post_init__(self) -> None:
        for entry in fields(self):
            value = getattr(self, entry.name)
            if entry.name in ("populations", "network"):
                continue
            if not isinstance(value, int | float | np.number) or not math.isfinite(value):
                raise ValueError(f"{entry.name} must be a finite number, got {value!r}")
        if self.spread < 0:
            raise ValueError(f"spread must be at least 0 (a standard deviation), got {self.spread}")
        if self.noise < 0:
            raise ValueError(f"noise must be at least 0 (a standard deviation), got {self.noise}")
        if not 0 < self.dt <= self.largest_dt:
            raise ValueError(
                f"dt must be in (0, {self.largest_dt}] for a stable RK4 step, got {self.dt}"
            )
        populations: Any = self.populations
        if not isinstance(populations, int | np.integer) or populations < 1:
            raise ValueError(
                f"populations must be a whole number of at least 1, got {populations!r}"
            )
        if self.network is not None and self.populations > 1:
            raise ValueError(
                "a network couples one population: choose populations=1 or network=None, got "
                f"populations={self.populations}"
            )

    def flow(self) -> Callable[..., Any]:
        """The compiled equations of one neuron, see `rldbs_env.flows`."""
        raise NotImplementedError

    def substeps(self) -> Callable[..., int]:
        """The compiled rule by which stiff steps are divided; none are by default."""
        from rldbs_env.flows import one_step

        return one_step

    @property
    def constants(self) -> tuple[float, ...]:
        """Up to six constants of the flow, in its order."""
        raise NotImplementedError

    @property
    def largest_kick(self) -> float:
        """Strongest kick that is admitted, in units of x."""
        raise NotImplementedError

    def rates(self, state: ArrayLike, currents: ArrayLike) -> NDArray[np.float64]:
        """Time derivative of the whole ensemble as one reads it in a paper, for tests.

        Of a state (n_variables, n_neurons) under currents (n_neurons,), of the state's shape.
        """
        raise NotImplementedError

    def limits(self, max_kick: float) -> Limits:
        """Range (x_low, x_high, y_low, y_high) that no mean field leaves under kicks up to this."""
        raise NotImplementedError

    @property
    def n_sensors(self) -> int:
        """One per population: its means of x and y."""
        return self.populations

    @property
    def n_electrodes(self) -> int:
        """One per population."""
        return self.populations

    @property
    def n_work(self) -> int:
        """Two rows per variable for the stages, four more for what all neurons share."""
        return 2 * len(self.variables) + 4

    @property
    def window(self) -> int:
        """A cycle and a half of the synchronised ensemble."""
        return round(1.5 * self.period_steps)

    @property
    def period_steps(self) -> int:
        """Steps in one cycle of the synchronised ensemble."""
        return round(self.period / self.dt)

    @property
    def transient_steps(self) -> int:
        """Steps after which a new ensemble has settled on its collective rhythm."""
        return round(self.transient_time / self.dt)

    def draw(
        self, n_neurons: int, rng: np.random.Generator
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Draw a new ensemble: all variables uniform on (-1, 1), then the currents.

        Args:
            n_neurons: Number of neurons, at least one per population.
            rng: Source of the draws, in the order x, y, z, currents.

        Returns:
            State, shape (n_variables, n_neurons), and currents, shape (n_neurons,).

        Raises:
            ValueError: If there are too few neurons, or the network has another number.
        """
        if n_neurons < self.populations:
            raise ValueError(
                f"n_neurons must be at least {self.populations}, got {n_neurons} "
                "(one per population)"
            )
        if self.network is not None:
            self.network.check(n_neurons)
        state = rng.uniform(-1.0, 1.0, (len(self.variables), n_neurons))
        currents = self.mean_current + self.spread * rng.standard_normal(n_neurons)
        return state, currents

    def inputs(self, x: ArrayLike, currents: ArrayLike) -> NDArray[np.float64]:
        """Current of each neuron with what the others give it, shape (n_neurons,)."""
        x = np.asarray(x, dtype=float)
        wiring = self.wiring(len(x), np.float64)
        if self.network is not None:
            rows = np.repeat(np.arange(len(x)), np.diff(wiring.indptr))
            given = np.zeros(len(x))
            np.add.at(given, rows, wiring.strengths * x[wiring.indices])
        else:
            parts = np.split(x, wiring.starts[1:])
            sizes = [len(part) for part in parts]
            given = np.repeat(wiring.weights @ [part.mean() for part in parts], sizes)
        return np.asarray(np.asarray(currents) + self.coupling * given)

    def parameters(self, dtype: DTypeLike) -> Array:
        """Numbers of the compiled step, shape (10,): coupling, dt, shift, noise, constants."""
        values = np.zeros(10)
        values[[0, 1, 3]] = self.coupling, self.dt, self.noise
        values[4 : 4 + len(self.constants)] = self.constants
        return values.astype(dtype)

    def wiring(self, n_neurons: int, dtype: DTypeLike) -> Any:
        """The `rldbs_env.rk4.Wiring` of an ensemble of this size."""
        from rldbs_env.rk4 import Wiring

        starts = np.arange(self.populations) * (n_neurons // self.populations)
        weights = np.full((self.populations, self.populations), self.cross_coupling)
        np.fill_diagonal(weights, 1.0)
        if self.network is None:
            links = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, dtype))
        else:
            self.network.check(n_neurons)
            links = self.network.arrays(dtype)
        return Wiring(starts, weights.astype(dtype), *links)

    def observe(self, state: Array, wiring: Any) -> Array:
        """Means of x and y of each population, shape (2, populations)."""
        parts = np.split(state[:2], wiring.starts[1:], axis=1)
        return np.ascontiguousarray(np.stack([part.mean(axis=1) for part in parts], axis=1))

    def step(self) -> Callable[..., None]:
        """The compiled step of this model's flow."""
        from rldbs_env.rk4 import compiled_step

        return compiled_step(len(self.variables), self.flow(), self.substeps())


def largest_current(model: Oscillators, max_kick: float) -> float:
    """Largest current that a neuron receives: its own within six deviations, kicks and noise."""
    noise = 6 * model.noise / math.sqrt(model.dt)
    return abs(model.mean_current) + 6 * model.spread + max_kick / model.dt + noise


def largest_input(model: Oscillators) -> float:
    """Largest input from others relative to the largest x."""
    if model.network is not None:
        return abs(model.coupling) * model.network.largest_input
    return abs(model.coupling) * (1 + abs(model.cross_coupling) * (model.populations - 1))
