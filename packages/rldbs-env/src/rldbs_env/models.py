"""The ensembles of neurons: their equations, constants and the range of what they can do."""

import math
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from rldbs_env.arrays import Array

__all__ = ["BonhoefferVanDerPol"]


@dataclass(frozen=True)
class BonhoefferVanDerPol:
    """Globally coupled Bonhoeffer-van der Pol (FitzHugh-Nagumo) neurons.

    For neuron ``i`` with the mean field ``X = mean(x)``::

        dx_i/dt = x_i - x_i^3 / 3 - y_i + I_i + coupling * X
        dy_i/dt = 0.1 (x_i - 0.8 y_i + 0.7)

    with ``I_i = mean_current + spread * g_i`` and ``g_i`` standard normal. Time is dimensionless;
    one cycle of the synchronised ensemble lasts about 32.4 time units, 162 steps.

    Source: Krylov, Dylov and Rosenblum, Chaos 30, 033126 (2020), and its published program.

    Attributes:
        coupling: Strength of the global coupling (collective rhythm from about 0.02).
        spread: Standard deviation of the currents, at least 0.
        mean_current: Mean of the currents (a single neuron oscillates for about 0.34 to 1.41).
        dt: Length of one RK4 step in time units, in (0, 0.5].
    """

    coupling: float = 0.03
    spread: float = 0.1
    mean_current: float = 0.6
    dt: float = 0.2

    recovery: ClassVar[float] = 0.1
    slope: ClassVar[float] = 0.8
    offset: ClassVar[float] = 0.7
    variables: ClassVar[tuple[str, ...]] = ("x", "y")
    period: ClassVar[float] = 32.4
    transient_time: ClassVar[float] = 5000.0

    def __post_init__(self) -> None:
        for name in ("coupling", "spread", "mean_current", "dt"):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value}")
        if self.spread < 0:
            raise ValueError(f"spread must be at least 0 (a standard deviation), got {self.spread}")
        if not 0 < self.dt <= 0.5:
            raise ValueError(f"dt must be in (0, 0.5] for a stable RK4 step, got {self.dt}")

    @property
    def largest_kick(self) -> float:
        """Strongest kick under which an RK4 step stayed stable in tests, in units of x.

        For an absolute coupling of at most 0.5 and any admitted dt.
        """
        return min(2.0, 0.4 / self.dt)

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
        """Draw a new ensemble: x and y uniform on (-1, 1), then the currents.

        Args:
            n_neurons: Number of neurons, at least 1.
            rng: Source of the draws, in the order x, y, currents.

        Returns:
            State, shape (2, n_neurons), and currents, shape (n_neurons,).

        Raises:
            ValueError: If ``n_neurons`` is below 1.
        """
        if n_neurons < 1:
            raise ValueError(f"n_neurons must be at least 1, got {n_neurons}")
        state = rng.uniform(-1.0, 1.0, (2, n_neurons))
        currents = self.mean_current + self.spread * rng.standard_normal(n_neurons)
        return state, currents

    def rates(self, state: ArrayLike, currents: ArrayLike) -> NDArray[np.float64]:
        """Time derivative of the whole ensemble, shape (2, n_neurons), per time unit.

        This is the model as one reads it in a paper; the compiled step is tested against it.
        """
        x, y = np.asarray(state, dtype=float)
        dx = x - x**3 / 3 - y + currents + self.coupling * x.mean()
        dy = self.recovery * (x - self.slope * y + self.offset)
        return np.stack([dx, dy])

    def parameters(self, dtype: DTypeLike) -> Array:
        """Constants of the compiled step in its order, shape (5,)."""
        values = (self.coupling, self.dt, self.recovery, self.slope, self.offset)
        return np.array(values, dtype=dtype)

    def limits(self, max_kick: float) -> tuple[float, float, float, float]:
        """Range (x_low, x_high, y_low, y_high) that no mean field leaves under kicks up to this.

        A kick ``a`` before every step forces like a current of ``a / dt``. The range is the
        trapping rectangle of a neuron so forced, six standard deviations of current included:
        on its border the flow points inwards.
        """
        forcing = (
            abs(self.mean_current) + 6 * self.spread + max_kick / self.dt + self.offset / self.slope
        )
        linear = 1 + abs(self.coupling) + 1 / self.slope
        x = float(np.roots([1 / 3, 0.0, -linear, -forcing]).real.max())
        return -x, x, (self.offset - x) / self.slope, (self.offset + x) / self.slope
