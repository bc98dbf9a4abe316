"""What muscle spindles tell of a movement: from muscle length and velocity to firing.

The encoders are plain functions of arrays; lengths are mm, velocities mm/s with lengthening above
0, rates impulses/s. Those that say so take torch tensors by the same code, and compute where these
are.
"""

import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from proprio_tcn.movements.format import BIN_S
from proprio_tcn.spindles.spike_trains import count_spikes, gaussian_rate

if TYPE_CHECKING:
    from proprio_tcn.arms.arm import Arm

__all__ = [
    "SpindleSettings",
    "afferent_rates",
    "deepdraw_rate",
    "delayed",
    "encode",
    "prochazka_rate",
    "raw_kinematics",
    "rest_length_mm",
    "secondary_rate",
]

_Array = NDArray[np.float64]
# what an encoder of plain operators takes and gives: numpy arrays or torch tensors
_T = TypeVar("_T", bound=Any)

_ENCODERS = ("kinematics", "prochazka", "deepdraw", "afferents")
_NOISES = ("none", "gaussian", "gamma", "poisson")


@dataclass
class SpindleSettings:
    """How muscle length and velocity become the input of a network.

    Attributes:
        encoder: "kinematics" gives length (mm) and velocity (mm/s) as they are, two channels;
            "prochazka" one channel of `prochazka_rate`; "deepdraw" one of `deepdraw_rate`;
            "afferents" two, the rates of Ia and of II fibres, rectified.
        noise: "none"; "gaussian" for a rate that varies from bin to bin as the counts of the
            fibres would; "gamma" or "poisson" for spike counts per bin. For "prochazka" and
            "afferents" only: the others are no rates of a fibre.
        fibres: Fibres of each class per muscle; rates are their mean, counts their sum.
        ia_interval_cv: Coefficient of variation of the intervals of Ia fibres, s.d. / mean; with
            the fusimotor outflow intact, 0.058 without (Matthews & Stein 1969, J Physiol 202:59).
        ii_interval_cv: Of II fibres; 0.02 without fusimotor outflow (the same).
        ceiling_hz: No fibre fires faster: an absolute refractory period of 2 ms.
        length_scale: What displacement and velocity are divided by. The laws were fitted to
            hamstrings of cats, some 10 cm long; fibres of a muscle that is stretched by 5 cm, as in
            a human arm, would be silent or at their ceiling with 1.
        path_m: From muscle to spinal cord; 0 means no delay.
        ia_speed_m_s: Conduction speed of Ia fibres (in the cat 72-120 m/s).
        ii_speed_m_s: Of II fibres (in the cat 24-72 m/s).

    Raises:
        ValueError: Encoder or noise is unknown or do not fit, or a number is out of its range.
    """

    encoder: str = "kinematics"
    noise: str = "none"
    fibres: int = 1
    ia_interval_cv: float = 0.25
    ii_interval_cv: float = 0.064
    ceiling_hz: float = 500.0
    length_scale: float = 1.0
    path_m: float = 0.0
    ia_speed_m_s: float = 90.0
    ii_speed_m_s: float = 45.0

    def __post_init__(self) -> None:
        if self.encoder not in _ENCODERS:
            raise ValueError(f"encoder must be one of {', '.join(_ENCODERS)}, got {self.encoder!r}")
        if self.noise not in _NOISES:
            raise ValueError(f"noise must be one of {', '.join(_NOISES)}, got {self.noise!r}")
        if self.noise != "none" and self.encoder in ("kinematics", "deepdraw"):
            raise ValueError(
                f"noise={self.noise} needs the rate of a fibre, which encoder={self.encoder} is "
                "not: take encoder=prochazka or encoder=afferents"
            )
        if self.fibres < 1:
            raise ValueError(f"fibres must be at least 1, got {self.fibres}")
        if not 0 <= self.path_m < np.inf:
            raise ValueError(f"path_m must be at least 0, got {self.path_m}")
        for name in ("ia_interval_cv", "ii_interval_cv", "ceiling_hz", "length_scale",
                     "ia_speed_m_s", "ii_speed_m_s"):  # fmt: skip
            if not 0 < getattr(self, name) < np.inf:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")

    @property
    def interval_cvs(self) -> tuple[float, ...]:
        """Variation of the intervals of each channel's fibres."""
        return (self.ia_interval_cv, self.ii_interval_cv)[: len(self.channels)]

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels with their units, in order."""
        unit = "impulses/bin" if self.noise in ("gamma", "poisson") else "impulses/s"
        if self.encoder == "kinematics":
            return ("length (mm)", "velocity (mm/s)")
        if self.encoder == "afferents":
            return (f"Ia ({unit})", f"II ({unit})")
        return (f"Ia ({unit})",)


def rest_length_mm(arm: "Arm", posture: Literal["middle", "default"] = "middle") -> _Array:
    """Muscle lengths from which displacement is counted, shape (muscles,), mm.

    The source of the power law counts it from the rest length of the cat's muscle, which no model
    of an arm knows. The default is the length with every coordinate in the middle of its range: one
    posture that any arm has, and it does not depend on the movements at hand. A file's default
    posture may lie at an end of the ranges, where one side of every joint is stretched.

    Args:
        arm: Whose muscles.
        posture: "middle" of the ranges, or the file's own "default" posture.

    Raises:
        ValueError: The posture is neither, or the arm has no muscles.
    """
    if posture not in ("middle", "default"):
        raise ValueError(f"posture must be middle or default, got {posture!r}")
    if not arm.muscles:
        raise ValueError(f"arm {arm.name!r} has no muscles, so there is no length of any at rest")
    angles = [
        0.5 * (one.low_rad + one.high_rad) if posture == "middle" else one.default_rad
        for one in arm.coordinates
    ]
    return np.asarray(arm.pose(np.array([angles])).muscle_length_m[0] * 1e3, dtype=np.float64)


def raw_kinematics(length_mm: ArrayLike, velocity_mm_s: ArrayLike) -> _Array:
    """Length and velocity side by side, the published input of the networks.

    Args:
        length_mm: Shape (..., muscles, bins).
        velocity_mm_s: The same.

    Returns:
        Shape (..., muscles, bins, 2).

    Raises:
        ValueError: The shapes differ.
    """
    length, velocity = np.asarray(length_mm, float), np.asarray(velocity_mm_s, float)
    if length.shape != velocity.shape:
        raise ValueError(
            f"length_mm and velocity_mm_s must have one shape, got {length.shape} and "
            f"{velocity.shape}"
        )
    return np.stack([length, velocity], axis=-1)


def prochazka_rate(displacement_mm: _T, velocity_mm_s: _T) -> _T:
    """Firing of a primary (Ia) ending: ``82 + 2 d + 4.3 sign(v) |v|^0.6`` impulses/s.

    The hybrid model of Prochazka & Gorassini 1998 (J Physiol 507:277-291, their sixth), fitted to
    nine hamstring afferents of walking cats, without its EMG term; with d = 0 it is the form that
    knows velocity only. Not rectified: below 0 no fibre follows it. Its gradient in v is infinite
    where v = 0.

    Args:
        displacement_mm: Length less the length at rest; array or tensor.
        velocity_mm_s: Above 0 where the muscle lengthens; array or tensor.
    """
    rate: Any = 82.0 + 2.0 * displacement_mm + _power(velocity_mm_s)
    return rate  # type: ignore[no-any-return]


def secondary_rate(displacement_mm: _T) -> _T:
    """Firing of a secondary (II) ending: ``80 + 13.5 d`` impulses/s.

    After Prochazka 1999 (Prog Brain Res 123:133-142) with the numbers of Moraud et al. 2016 (Neuron
    89:814-828), without the EMG term. Not rectified.

    Args:
        displacement_mm: Length less the length at rest; array or tensor.
    """
    rate: Any = 80.0 + 13.5 * displacement_mm
    return rate  # type: ignore[no-any-return]


def _power(velocity: Any) -> Any:
    sign = velocity.sign() if hasattr(velocity, "sign") else np.sign(velocity)
    return 4.3 * sign * abs(velocity) ** 0.6


def deepdraw_rate(length_mm: _T, sample_s: float = BIN_S) -> _T:
    """DeepDraw's input: ``2 dL/d(sample) + 4.3 sign(v) |v|^0.6`` (Sandbrink et al. 2023, eLife).

    It departs from the power law in three ways, kept here because published networks saw them. The
    first term differentiates the length from sample to sample, where the source has displacement:
    it is a second velocity term, whose weight depends on the sampling (DeepDraw: 15 ms). There is
    no resting rate, so half the values are negative. And v is always taken from the lengths, so
    that noise in them is amplified.

    Args:
        length_mm: Shape (..., bins), at least two; array or tensor.
        sample_s: From one bin to the next.

    Raises:
        ValueError: There are fewer than two bins.
    """
    length = _values(length_mm)
    if length.ndim == 0 or length.shape[-1] < 2:
        raise ValueError(f"length_mm must have at least 2 bins, got the shape {length.shape}")
    bins = _bins(length)
    after, before = (bins + 1).clip(max=length.shape[-1] - 1), (bins - 1).clip(min=0)
    # one-sided at the ends
    per_sample = (length[..., after] - length[..., before]) / (after - before)
    rate: Any = 2.0 * per_sample + _power(per_sample / sample_s)
    return rate  # type: ignore[no-any-return]


def afferent_rates(
    displacement_mm: _T, velocity_mm_s: _T, settings: SpindleSettings, bin_s: float = BIN_S
) -> tuple[_T, _T]:
    """Rates of one Ia and one II fibre per muscle: rectified, delayed, below the ceiling.

    Args:
        displacement_mm: Length less the length at rest, shape (..., bins); array or tensor.
        velocity_mm_s: The same shape.
        settings: Scale, ceiling, path and conduction speeds.
        bin_s: Width of a bin.

    Returns:
        Ia and II, impulses/s, shape (..., bins) each.
    """
    d, v = _values(displacement_mm), _values(velocity_mm_s)
    secondary = secondary_rate(d / settings.length_scale).clip(0.0, settings.ceiling_hz)
    return (
        _primary(d, v, settings, bin_s),
        delayed(secondary, settings.path_m / settings.ii_speed_m_s, bin_s),
    )


def _primary(displacement: Any, velocity: Any, settings: SpindleSettings, bin_s: float) -> Any:
    free = prochazka_rate(displacement / settings.length_scale, velocity / settings.length_scale)
    rate = free.clip(0.0, settings.ceiling_hz)
    return delayed(rate, settings.path_m / settings.ia_speed_m_s, bin_s)


def delayed(rate_hz: _T, delay_s: float, bin_s: float = BIN_S) -> _T:
    """Shift rates to later times, between bins by straight lines; the first value fills up.

    Args:
        rate_hz: Shape (..., bins); array or tensor.
        delay_s: At least 0; need not be a whole number of bins.
        bin_s: Width of a bin.

    Raises:
        ValueError: The delay is negative.
    """
    if not 0 <= delay_s < np.inf:
        raise ValueError(f"delay_s must be at least 0, got {delay_s}")
    rate = _values(rate_hz)
    if delay_s == 0:
        return rate  # type: ignore[no-any-return]
    whole, part = divmod(delay_s / bin_s, 1.0)
    later = (_bins(rate) - int(whole)).clip(min=0)
    earlier = (later - 1).clip(min=0)
    shifted: Any = (1.0 - part) * rate[..., later] + part * rate[..., earlier]
    return shifted  # type: ignore[no-any-return]


def _library(values: Any) -> Any:
    """Whose array it is: numpy's or torch's."""
    return sys.modules[type(values).__module__.partition(".")[0]]


def _values(given: Any) -> Any:
    """A tensor as it is, all else as an array of numpy."""
    return given if hasattr(given, "detach") else np.asarray(given, dtype=np.float64)


def _bins(values: Any) -> Any:
    return _library(values).arange(values.shape[-1], device=values.device)


def encode(
    spindle: _T,
    settings: SpindleSettings,
    *,
    rest_mm: ArrayLike | None = None,
    rng: np.random.Generator | None = None,
    bin_s: float = BIN_S,
) -> _T:
    """Turn muscle length and velocity into the channels that the settings ask for.

    Args:
        spindle: Shape (..., muscles, bins, 2): length in mm, velocity in mm/s; array or tensor.
        settings: Which encoder, and what noise.
        rest_mm: Length at rest of each muscle (muscles,), see `rest_length_mm`; needed by
            "prochazka" and "afferents".
        rng: Source of the noise; needed with noise, which is for arrays only.
        bin_s: Width of a bin.

    Returns:
        Shape (..., muscles, bins, channels), the channels those of ``settings.channels``. A tensor
        keeps its device, where it is not looked at for gaps, and its precision.

    Raises:
        ValueError: The array has another shape or is not finite, an argument is missing, or a
            tensor is to have noise.
    """
    values = _values(spindle)
    library = _library(values)
    if values.ndim < 3 or values.shape[-1] != 2:
        raise ValueError(
            f"spindle must have the shape (..., muscles, bins, 2), got {tuple(values.shape)}"
        )
    here = library is np or values.device.type == "cpu"  # elsewhere a look would have to wait
    if here and not library.isfinite(values).all():
        raise ValueError("spindle must be finite: fill or mask its gaps before it is encoded")
    if settings.noise != "none" and library is not np:
        raise ValueError(
            f"spindle must be an array of numpy for noise={settings.noise}, got a tensor: give "
            "spindle.numpy(), or take noise=none"
        )
    length, velocity = values[..., 0], values[..., 1]
    if settings.encoder == "kinematics":
        return values  # type: ignore[no-any-return]
    if settings.encoder == "deepdraw":
        return deepdraw_rate(length, bin_s)[..., None]  # type: ignore[no-any-return]
    rest = library.asarray(
        _rest(rest_mm, values.shape[-3]), dtype=values.dtype, device=values.device
    )
    displacement = length - rest
    rates: tuple[Any, ...] = (
        afferent_rates(displacement, velocity, settings, bin_s)
        if settings.encoder == "afferents"
        else (_primary(displacement, velocity, settings, bin_s),)
    )
    if settings.noise != "none":
        cvs = settings.interval_cvs
        pairs = zip(rates, cvs, strict=True)
        rates = tuple(_noisy(one, cv, settings, rng, bin_s) for one, cv in pairs)
    return library.stack(rates, axis=-1)  # type: ignore[no-any-return]


def _noisy(
    rate: _Array,
    interval_cv: float,
    settings: SpindleSettings,
    rng: np.random.Generator | None,
    bin_s: float,
) -> _Array:
    if rng is None:
        raise ValueError(f"noise={settings.noise} needs rng, such as numpy.random.default_rng(0)")
    if settings.noise == "gaussian":
        return gaussian_rate(rate, interval_cv, settings.fibres, rng, bin_s)
    cv = 1.0 if settings.noise == "poisson" else interval_cv
    counts = count_spikes(rate, rng, interval_cv=cv, fibres=settings.fibres, bin_s=bin_s)
    return counts.astype(np.float64)


def _rest(rest_mm: ArrayLike | None, muscles: int) -> _Array:
    if rest_mm is None:
        raise ValueError("rest_mm must tell each muscle's length at rest: see rest_length_mm(arm)")
    rest = np.asarray(rest_mm, dtype=np.float64)
    if rest.shape != (muscles,) or not np.isfinite(rest).all():
        raise ValueError(
            f"rest_mm must be {muscles} finite lengths, one for each muscle, got shape {rest.shape}"
        )
    return rest[:, None]
