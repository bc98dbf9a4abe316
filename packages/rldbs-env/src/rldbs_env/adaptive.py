"""Control laws that act by the phase and the amplitude of the rhythm, and adapt to it.

They take the collective oscillation as a complex number: X and Y about their window means, Y
scaled to the size of X. Its modulus is the amplitude and its angle the phase, which is 0 where X
is largest and must grow in time; ``y_scale`` is negative for models where it would fall. All
estimates are causal. The defaults are for the Bonhoeffer-van der Pol model.
"""

import math
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from rldbs_env.feedback import deviation
from rldbs_env.laws import Law, Memory

__all__ = ["AdaptiveVanishing", "PhaseTriggered"]

# The rhythm counts as falling below this part of its running mean: the std of a window of 1.54
# cycles ripples by a few percent even if the rhythm is steady.
_FALLING = 0.95


@dataclass(frozen=True, kw_only=True)
class _OscillatorLaw(Law):
    """A law that sees the collective oscillation as a complex number.

    Attributes:
        y_scale: Size of X relative to Y, other than 0.
    """

    signals: ClassVar[tuple[str, ...]] = ("x", "y")
    y_scale: float = 2.1

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.y_scale == 0:
            raise ValueError("y_scale must be other than 0, got 0: without Y there is no phase")

    def _oscillation(self, windows: NDArray[Any]) -> NDArray[np.complex128]:
        """Its newest sample, shape (envs,)."""
        x, y = deviation(windows).T
        return np.asarray(x + 1j * self.y_scale * y)


@dataclass(frozen=True, kw_only=True)
class PhaseTriggered(_OscillatorLaw):
    """One pulse per cycle, begun when the phase passes a target, as large as the amplitude asks.

    Stimulating at the sensitive phase alone, in proportion to the amplitude, so that stimulation
    vanishes with the rhythm, is the idea of Rosenblum, Chaos 30, 093131 (2020), arXiv 2006.14355.
    There, filters estimate phase and amplitude from X, and the target is found by adaptation.

    A pulse is a rectangle of ``width`` steps; a new one waits until the last has ended. Kicks of
    a single step work less well: they throw X itself about.

    Attributes:
        gain: Charge of a pulse per unit of amplitude; its sign belongs to the target.
        target: Phase in radians, in [-pi, pi], at which the pulse begins.
        width: Steps that the pulse lasts.
        biphasic: Add a pulse of opposite sign as the phase passes the opposite of the target, so
            that the net charge is zero on average; without it, twice the gain is of use.

    Raises:
        ValueError: A number is out of its range.
    """

    gain: float = -0.7
    target: float = -1.0
    width: int = 60
    biphasic: bool = True

    def __post_init__(self) -> None:
        super().__post_init__()
        if not -math.pi <= self.target <= math.pi:
            raise ValueError(f"target must be in [-pi, pi] radians, got {self.target}")
        if self.width < 1:
            raise ValueError(f"width must be at least 1, got {self.width}")

    def _begin(self, num_envs: int) -> NDArray[np.float64]:
        """Half of the cycle answered last (1 after the target, -1 before), steps left, kick."""
        return np.zeros((num_envs, 3))

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        answered, steps_left, kick = memory.T
        z = self._oscillation(windows)
        half = np.where((z * np.exp(-1j * self.target)).imag >= 0, 1.0, -1.0)
        begins = (half != answered) & (answered != 0) & (steps_left == 0)
        sign = np.where(half > 0, 1.0, -1.0 if self.biphasic else 0.0)
        kick = np.where(begins, sign * self.gain * np.abs(z) / self.width, kick)
        steps_left = np.where(begins, self.width, steps_left)
        answered = np.where(begins | (answered == 0), half, answered)
        memory = np.stack([answered, np.maximum(steps_left - 1, 0), kick], axis=1)
        return np.where(steps_left > 0, kick, 0.0), memory


@dataclass(frozen=True, kw_only=True)
class AdaptiveVanishing(_OscillatorLaw):
    """Linear feedback that finds its gain and phase by itself, while the rhythm is strong.

    ``kick = -gain * Re(exp(-1j * phase) * Z)`` with the oscillation Z. The gain begins at zero
    and grows with the excess of the rhythm (the std of X over the window) above ``quiet_below``.
    Where even the largest gain does not make the rhythm fall, the phase turns until it does.
    Below ``quiet_below`` both stay as they are, and the stimulation vanishes with the rhythm. So
    one setting serves couplings and phases that need not be known.

    After Montaseri, Yazdanpanah, Pikovsky and Rosenblum, Chaos 23, 033122 (2013), arXiv
    1305.4405, who adapt gain and phase of a linear feedback by its amplitude; the rules by which
    they grow and turn are simpler here.

    Attributes:
        first_phase: Phase of the feedback at the start of an episode, radians.
        gain_rate: Growth of the gain per step and unit of excess, at least 0.
        phase_rate: Turn of the phase per step and unit of excess, radians.
        largest_gain: Where the gain ends to grow, at least 0.
        quiet_below: Std of X below which nothing adapts, at least 0; above what even good control
            leaves, about ``0.7 / sqrt(n_neurons)``, or else the phase never rests.

    Raises:
        ValueError: A number is out of its range.
    """

    first_phase: float = -0.2
    gain_rate: float = 5e-5
    phase_rate: float = 0.003
    largest_gain: float = 0.04
    quiet_below: float = 0.05

    def __post_init__(self) -> None:
        super().__post_init__()
        for name in ("gain_rate", "largest_gain", "quiet_below"):
            if getattr(self, name) < 0:
                raise ValueError(f"{name} must be at least 0, got {getattr(self, name)}")

    def _begin(self, num_envs: int) -> NDArray[np.float64]:
        """Gain, phase and running mean of the strength (NaN before the first)."""
        return np.tile([0.0, self.first_phase, np.nan], (num_envs, 1))

    def _law(self, windows: NDArray[Any], memory: Memory) -> tuple[NDArray[Any], Memory]:
        gain, phase, usual = memory.T
        strength = windows[:, 0].std(axis=1)
        usual = np.where(np.isnan(usual), strength, usual)
        excess = np.maximum(strength - self.quiet_below, 0.0)
        stuck = (gain >= self.largest_gain) & (strength >= _FALLING * usual)
        gain = np.minimum(gain + self.gain_rate * excess, self.largest_gain)
        phase = phase + np.where(stuck, self.phase_rate * excess, 0.0)
        usual = usual + (strength - usual) / self.window
        kick = -gain * (np.exp(-1j * phase) * self._oscillation(windows)).real
        return kick, np.stack([gain, phase, usual], axis=1)
