"""What differs from the ideal experiment: noise, drift, worn electrodes, lost pulses, variety.

A disturbance is a pure function of time and of an environment's key, drawn at each reset. It has no
state of its own, so that runs resume exactly and an environment does not notice its neighbours.
Times are in RK4 steps since the reset.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from rldbs_env.arrays import Indices
from rldbs_env.oscillators import Model, Oscillators

__all__ = [
    "ActionNoise",
    "Conditions",
    "CouplingDrift",
    "CurrentDrift",
    "Disturbance",
    "ElectrodeDrift",
    "Encapsulation",
    "ObservationNoise",
    "PulseLoss",
    "Variety",
    "widest",
]

Floats = NDArray[np.float64]


class Conditions:
    """What disturbances act on, one number per environment; each changes it in turn.

    Attributes:
        keys, steps: The environments' keys and times, shape (envs,).
        coupling: Factor of the coupling.
        shift: Current added to all neurons.
        reach: Factor of the kicks.
        kick: Kick added to each.
        gain: Factor of the recorded fields.
        noise: Standard deviation of the noise added to each recorded sample.
    """

    def __init__(self, keys: NDArray[np.uint64], steps: Indices) -> None:
        self.keys, self.steps = keys, steps
        self.coupling, self.reach, self.gain = (np.ones(len(keys)) for _ in range(3))
        self.shift, self.kick, self.noise = (np.zeros(len(keys)) for _ in range(3))

    def uniform(self, stream: int) -> Floats:
        """Numbers in (0, 1] for this moment; each use has a stream of its own."""
        from rldbs_env.chance import keyed_uniform

        return keyed_uniform(self.keys, self.steps, stream)

    def normal(self, stream: int) -> Floats:
        """Standard normal numbers for this moment; each use has a stream of its own."""
        from rldbs_env.chance import keyed_normal

        return keyed_normal(self.keys, self.steps, stream)

    def wave(self, period_steps: float, stream: int) -> Floats:
        """A sine of this period, its phase random in each environment."""
        from rldbs_env.chance import keyed_uniform

        phase = keyed_uniform(self.keys, np.zeros_like(self.steps), stream)
        return np.asarray(np.sin(2 * np.pi * (self.steps / period_steps + phase)))


class Disturbance(Protocol):
    """Anything that changes the conditions as a function of their keys and times."""

    def apply(self, conditions: Conditions) -> None:
        """Change the conditions in place."""


@dataclass(frozen=True)
class _Checked:
    """Numbers are finite and at least 0; periods and time constants above 0."""

    def __post_init__(self) -> None:
        for entry in fields(self):
            value, timed = getattr(self, entry.name), entry.name.endswith("_steps")
            if not (math.isfinite(value) and (value > 0 if timed else value >= 0)):
                least = "above 0" if timed else "at least 0"
                raise ValueError(f"{entry.name} must be finite and {least}, got {value}")


@dataclass(frozen=True)
class ObservationNoise(_Checked):
    """White noise on every recorded sample; what leaves the observation's limits saturates.

    Attributes:
        std: Standard deviation, in units of the fields.
    """

    std: float = 0.1

    def apply(self, conditions: Conditions) -> None:
        """Add the noise in quadrature."""
        conditions.noise = np.hypot(conditions.noise, self.std)


@dataclass(frozen=True)
class ActionNoise(_Checked):
    """A random kick beside every one that is asked for.

    Attributes:
        std: Standard deviation, in units of the kicks.
    """

    std: float = 0.005

    def apply(self, conditions: Conditions) -> None:
        """Add this step's kick."""
        conditions.kick += self.std * conditions.normal(1)


@dataclass(frozen=True)
class PulseLoss(_Checked):
    """Pulses that never arrive.

    Attributes:
        probability: Of losing a pulse, in [0, 1].

    Raises:
        ValueError: The probability is not in [0, 1].
    """

    probability: float = 0.2

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.probability > 1:
            raise ValueError(f"probability must be in [0, 1], got {self.probability}")

    def apply(self, conditions: Conditions) -> None:
        """Let this step's pulse arrive or not."""
        draws = conditions.uniform(4)
        conditions.reach = np.where(draws <= self.probability, 0.0, conditions.reach)


@dataclass(frozen=True)
class CouplingDrift(_Checked):
    """The coupling waxes and wanes, as ``1 + depth * sin(time)``.

    Attributes:
        depth: Largest relative change.
        period_steps: Steps of one wave.
    """

    depth: float = 0.5
    period_steps: float = 10_000

    def apply(self, conditions: Conditions) -> None:
        """Multiply the coupling."""
        conditions.coupling *= 1 + self.depth * conditions.wave(self.period_steps, 5)


@dataclass(frozen=True)
class CurrentDrift(_Checked):
    """The current of all neurons rises and falls, as ``depth * sin(time)``.

    Attributes:
        depth: Largest change, in units of the currents.
        period_steps: Steps of one wave.
    """

    depth: float = 0.05
    period_steps: float = 10_000

    def apply(self, conditions: Conditions) -> None:
        """Add to the currents."""
        conditions.shift += self.depth * conditions.wave(self.period_steps, 6)


@dataclass(frozen=True)
class ElectrodeDrift(_Checked):
    """The electrode moves about: kicks and recording change together, ``1 + depth * sin(time)``.

    Attributes:
        depth: Largest relative change.
        period_steps: Steps of one wave.
    """

    depth: float = 0.3
    period_steps: float = 10_000

    def apply(self, conditions: Conditions) -> None:
        """Multiply what arrives and what is heard."""
        factor = 1 + self.depth * conditions.wave(self.period_steps, 7)
        conditions.reach = conditions.reach * factor
        conditions.gain = conditions.gain * factor


@dataclass(frozen=True)
class Encapsulation(_Checked):
    """Tissue grows around the electrode: kicks and recording fade exponentially to a rest.

    Attributes:
        rest: What is left in the end, in [0, 1].
        time_constant_steps: Steps after which 63 % of the change has happened.

    Raises:
        ValueError: ``rest`` is not in [0, 1].
    """

    rest: float = 0.5
    time_constant_steps: float = 5000

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rest > 1:
            raise ValueError(f"rest must be in [0, 1], got {self.rest}")

    def apply(self, conditions: Conditions) -> None:
        """Multiply what arrives and what is heard."""
        fading = np.exp(-conditions.steps / self.time_constant_steps)
        factor = self.rest + (1 - self.rest) * fading
        conditions.reach = conditions.reach * factor
        conditions.gain = conditions.gain * factor


@dataclass(frozen=True)
class Variety:
    """Domain randomisation: each reset draws its model and its size anew.

    Attributes:
        ranges: Range (low, high) of each of the model's numbers that vary, by name; uniform draws.
        n_neurons: Smallest and largest number of neurons, drawn uniformly in the logarithm; None
            for the environment's own. Needs a model of one population without a network.
    """

    ranges: tuple[tuple[str, float, float], ...] = ()
    n_neurons: tuple[int, int] | None = None

    def check(self, model: Model, n_neurons: int) -> None:
        """Refuse ranges that this model cannot have.

        Raises:
            ValueError: If a name is none of the model's numbers, a range is empty or leads to a
                model that is refused, or an ensemble would be larger than ``n_neurons``.
        """
        numbers = [
            entry.name
            for entry in fields(model)  # type: ignore[arg-type]
            if isinstance(getattr(model, entry.name), float | int)
            and entry.name not in ("dt", "populations")
        ]
        for name, low, high in self.ranges:
            if name not in numbers:
                raise ValueError(f"variety must be in {', '.join(numbers)}, got {name!r}")
            if not low <= high:
                raise ValueError(f"variety needs low <= high of {name}, got {low} and {high}")
            for end in (low, high):
                replace(model, **{name: end})  # type: ignore[type-var]
        if self.n_neurons is not None:
            low, high = self.n_neurons
            if not 1 <= low <= high <= n_neurons:
                raise ValueError(
                    f"variety needs 1 <= low <= high <= n_neurons={n_neurons}, got {low} and {high}"
                )
            alike = isinstance(model, Oscillators) and model.populations == 1 and not model.network
            if not alike:
                raise ValueError(
                    "the number of neurons can vary in one population without network or grid "
                    f"only, got {model}"
                )

    def draw(self, model: Model, n_neurons: int, rng: np.random.Generator) -> tuple[Model, int]:
        """A model and a number of neurons."""
        numbers: dict[str, Any] = {name: rng.uniform(low, high) for name, low, high in self.ranges}
        if self.n_neurons is not None:
            low, high = np.log(self.n_neurons)
            n_neurons = round(float(np.exp(rng.uniform(low, high))))
        return replace(model, **numbers), n_neurons  # type: ignore[type-var]

    def widest(self, model: Model) -> Model:
        """The model whose every varying number is at the end farthest from zero."""
        ends = {name: max(low, high, key=abs) for name, low, high in self.ranges}
        return replace(model, **ends)  # type: ignore[type-var]


def widest(model: Model, disturbances: Sequence[Disturbance]) -> Model:
    """The model at the strongest coupling and current that these disturbances lead to."""
    for one in disturbances:
        if isinstance(model, Oscillators) and isinstance(one, CouplingDrift):
            model = replace(model, coupling=model.coupling * (1 + one.depth))
        elif isinstance(model, Oscillators) and isinstance(one, CurrentDrift):
            model = replace(model, mean_current=abs(model.mean_current) + one.depth)
    return model
