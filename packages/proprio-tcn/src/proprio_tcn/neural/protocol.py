"""How neurons are read out, the same for every model, and what the embedded session does."""

from dataclasses import dataclass, field

import numpy as np

from proprio_tcn.movements.format import BINS

__all__ = ["Protocol", "Reaching"]


@dataclass
class Protocol:
    """What is explained, from which trials, and how; the defaults are the published protocol.

    Attributes:
        window: "active", "passive" or "active_as_passive".
        smoothing: "mean" or "gaussian".
        smoothing_bins: Width of the running mean (odd, 1 for none), or standard deviation of the
            Gaussian, in bins of 10 ms.
        lag_bins: How long the neurons come after the arm; negative if they lead.
        test_fraction: Part of the trials held out, of each direction.
        folds: Folds of training trials that choose the penalties.
        alphas: Penalties to choose from.
        components: Most principal components of a layer.
        placement: Bin of a network's input at which the window begins.
        padding: Around the window the network sees "edge" values, as in its training, or what was
            "recorded" as far as the trial goes.
        min_rate_hz: Neurons that fire less in the training windows are left out; at 0 only those
            that do not vary are.
        min_reliability: So are those of a lower split-half reliability; None keeps them all.
        seed: Of the split and of drawn windows.
        compat: The published misfits: zeros beyond a trial's ends in smoothing, and layers
            stretched over all bins of the input.

    Raises:
        ValueError: The padding is unknown, or a number out of its range.
    """

    window: str = "active"
    smoothing: str = "mean"
    smoothing_bins: float = 5
    lag_bins: int = 0
    test_fraction: float = 0.2
    folds: int = 5
    alphas: list[float] = field(default_factory=lambda: np.logspace(-2, 5, 15).tolist())
    components: int = 75
    placement: int = 100
    padding: str = "edge"
    min_rate_hz: float = 0.0
    min_reliability: float | None = None
    seed: int = 0
    compat: bool = False

    def __post_init__(self) -> None:
        if self.padding not in ("edge", "recorded"):
            raise ValueError(f'padding must be "edge" or "recorded", got {self.padding!r}')
        if self.placement >= BINS:
            raise ValueError(
                f"placement must be below the {BINS} bins of an input, got {self.placement}"
            )
        for name, least in (("components", 1), ("placement", 0), ("min_rate_hz", 0)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")


@dataclass
class Reaching:
    """A simulated centre-out session with bumps.

    Attributes:
        active: Trials with a reach.
        passive: Trials with a bump.
        directions: Number of directions, evenly spread in the horizontal plane.
        distance_cm: Shortest and longest reach.
        movement_bins: Shortest and longest reach, in bins of 10 ms.
        bump_cm: How far the hand is pushed.
        posture_sd_deg: Spread of the first posture about the arm's default one, of each angle.

    Raises:
        ValueError: A number is out of its range.
    """

    active: int = 160
    passive: int = 64
    directions: int = 8
    distance_cm: list[float] = field(default_factory=lambda: [5.0, 12.0])
    movement_bins: list[int] = field(default_factory=lambda: [40, 90])
    bump_cm: float = 2.5
    posture_sd_deg: float = 8.0

    def __post_init__(self) -> None:
        if self.active < 1 or self.passive < 0 or self.directions < 1:
            raise ValueError(
                "active, passive and directions must be at least 1, 0 and 1, got "
                f"{self.active}, {self.passive} and {self.directions}"
            )
        for name, least in (("distance_cm", 0), ("movement_bins", 38)):
            low_high = getattr(self, name)
            if len(low_high) != 2 or not least < low_high[0] <= low_high[1]:
                raise ValueError(
                    f"{name} must be two numbers above {least}, ascending, got {low_high}"
                )
