"""The ensembles of neurons: their equations, constants and the range of what they can do."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from rldbs_env.oscillators import Limits, Oscillators, largest_current, largest_input

__all__ = ["BonhoefferVanDerPol", "HindmarshRose"]


@dataclass(frozen=True)
class BonhoefferVanDerPol(Oscillators):
    """Globally coupled Bonhoeffer-van der Pol (FitzHugh-Nagumo) neurons.

    For neuron ``i`` with the mean field ``X = mean(x)``::

        dx_i/dt = x_i - x_i^3 / 3 - y_i + I_i + coupling * X
        dy_i/dt = 0.1 (x_i - 0.8 y_i + 0.7)

    with ``I_i = mean_current + spread * g_i`` and ``g_i`` standard normal. Time is dimensionless;
    one cycle of the synchronised ensemble lasts about 32.4 time units, 162 steps. The collective
    rhythm appears at a coupling of about 0.02; a single neuron oscillates for currents of about
    0.34 to 1.41. For the fields see `Oscillators`.

    Source: Krylov, Dylov and Rosenblum, Chaos 30, 033126 (2020), and its published program.
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
    largest_dt: ClassVar[float] = 0.5

    def flow(self) -> Callable[..., Any]:
        """The compiled equations of one neuron."""
        from rldbs_env.flows import bvdp_flow

        return bvdp_flow

    @property
    def constants(self) -> tuple[float, ...]:
        """Recovery, slope, offset and a third."""
        return self.recovery, self.slope, self.offset, 1 / 3

    @property
    def window(self) -> int:
        """The published 50 time units, a cycle and a half."""
        return round(50 / self.dt)

    @property
    def largest_kick(self) -> float:
        """Strongest kick under which an RK4 step stayed stable in tests, in units of x.

        For an absolute coupling of at most 0.5 and any admitted dt.
        """
        return min(2.0, 0.4 / self.dt, 0.12 / self.dt**2)

    def rates(self, state: ArrayLike, currents: ArrayLike) -> NDArray[np.float64]:
        """Time derivative of the whole ensemble, shape (2, n_neurons), per time unit.

        This is the model as one reads it in a paper; the compiled step is tested against it.
        """
        x, y = np.asarray(state, dtype=float)
        dx = x - x**3 / 3 - y + self.inputs(x, currents)
        dy = self.recovery * (x - self.slope * y + self.offset)
        return np.stack([dx, dy])

    def limits(self, max_kick: float) -> Limits:
        """Range (x_low, x_high, y_low, y_high) that no mean field leaves under kicks up to this.

        A kick ``a`` before every step forces like a current of ``a / dt``. The range is the
        trapping rectangle of a neuron so forced, six standard deviations of current included:
        on its border the flow points inwards.
        """
        forcing = largest_current(self, max_kick) + self.offset / self.slope
        linear = 1 + largest_input(self) + 1 / self.slope
        x = float(np.roots([1 / 3, 0.0, -linear, -forcing]).real.max())
        return -x, x, (self.offset - x) / self.slope, (self.offset + x) / self.slope


@dataclass(frozen=True)
class HindmarshRose(Oscillators):
    """Globally coupled bursting Hindmarsh-Rose neurons.

    For neuron ``i`` with the mean field ``X = mean(x)``::

        dx_i/dt = y_i - x_i^3 + 3 x_i^2 - z_i + I_i + coupling * X
        dy_i/dt = 1 - 5 x_i^2 - y_i
        dz_i/dt = 0.006 (4 (x_i + 1.56) - z_i)

    with ``I_i = mean_current + spread * g_i``. One burst of the synchronised ensemble lasts about
    153 time units, 1,530 steps. Where a kick has thrown neurons so far that an RK4 step would not
    be stable, that step is divided: no admitted kick leads to NaN. For the fields see
    `Oscillators`.

    Source: Krylov, Dylov and Rosenblum, Chaos 30, 033126 (2020); the equations as its published
    program has them.
    """

    coupling: float = 0.2
    spread: float = 0.02
    mean_current: float = 3.0
    dt: float = 0.1

    recovery: ClassVar[float] = 0.006
    pull: ClassVar[float] = 4.0
    rest: ClassVar[float] = -1.56
    variables: ClassVar[tuple[str, ...]] = ("x", "y", "z")
    period: ClassVar[float] = 153.1
    transient_time: ClassVar[float] = 1000.0
    largest_dt: ClassVar[float] = 0.1

    def flow(self) -> Callable[..., Any]:
        """The compiled equations of one neuron."""
        from rldbs_env.flows import hindmarsh_rose_flow

        return hindmarsh_rose_flow

    def substeps(self) -> Callable[..., int]:
        """Steps are divided where RK4 would not be stable."""
        from rldbs_env.flows import hindmarsh_rose_substeps

        return hindmarsh_rose_substeps

    @property
    def constants(self) -> tuple[float, ...]:
        """Those of the equations from left to right."""
        return 3.0, 1.0, 5.0, self.recovery, self.pull, self.rest

    @property
    def window(self) -> int:
        """One burst: within less, a controller takes the burst's plateau for the mean."""
        return self.period_steps

    @property
    def largest_kick(self) -> float:
        """Strongest kick admitted, in units of x."""
        return min(2.0, 0.2 / self.dt)

    def rates(self, state: ArrayLike, currents: ArrayLike) -> NDArray[np.float64]:
        """Time derivative of the whole ensemble, shape (3, n_neurons), per time unit.

        This is the model as one reads it in a paper; the compiled step is tested against it.
        """
        x, y, z = np.asarray(state, dtype=float)
        dx = y - x**3 + 3 * x**2 - z + self.inputs(x, currents)
        dy = 1 - 5 * x**2 - y
        dz = self.recovery * (self.pull * (x - self.rest) - z)
        return np.stack([dx, dy, dz])

    def limits(self, max_kick: float) -> Limits:
        """Range (x_low, x_high, y_low, y_high) that no mean field leaves under kicks up to this.

        The trapping box of a neuron forced by ``max_kick / dt``, as for `BonhoefferVanDerPol`:
        with ``|x| <= b`` y stays in ``[1 - 5 b^2, 1]`` and z in ``4 (1.56 -+ b)``. On its upper
        border x falls if ``b^3 > 3 b^2 + (4 + reach) b + forcing - 5.24``, on its lower border it
        grows if ``b^3 > 2 b^2 + (4 + reach) b + forcing + 5.24``.
        """
        forcing, linear = largest_current(self, max_kick), self.pull + largest_input(self)
        bound = -self.pull * self.rest - 1
        falls = np.roots([1.0, -3.0, -linear, -(forcing - bound)])
        grows = np.roots([1.0, -2.0, -linear, -(forcing + bound)])
        b = max(float(roots.real[np.abs(roots.imag) < 1e-9].max()) for roots in (falls, grows))
        b += max_kick  # a kick is sudden: it may carry x beyond the border before x falls
        return -b, b, 1 - 5 * b * b, 1.0
