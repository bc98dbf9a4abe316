"""Neurons from a known encoding model, so that what a readout finds can be compared with the truth.

A neuron weighs a state of the arm, or the features of a network's layer; a link turns the sum into
a rate, and noise into a response.
"""

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from neuro_common.seeding import generator
from proprio_tcn.movements.format import BIN_S
from proprio_tcn.neural.recording import Recording

__all__ = ["LINKS", "Encoded", "Encoding", "encode", "plant_neurons"]

LINKS = ("identity", "softplus")

Floats = NDArray[np.float64]

_WEIGHTS, _TRIALS, _NOISE = range(3)  # streams of one seed


@dataclass
class Encoding:
    """How neurons encode a state.

    Attributes:
        n_neurons: How many.
        link: "identity": ``rate_hz (1 + gain w s)``, cut at zero; "softplus": ``softplus(gain (b +
            w s))``, scaled to the mean rate. The weights w have unit length and are drawn anew for
            each neuron, and s are the state's channels, standardised over the valid bins.
        bias: b of the softplus.
        gain: Modulation.
        rate_hz: Mean rate.
        lag_bins: How long the neurons come after the state.
        trial_gain_sd: Standard deviation of the logarithm of a gain that all neurons share in a
            trial; its mean is 1.
        noise: "poisson" counts, or "gaussian" responses.
        snr: Variance of the rate over that of Gaussian noise; infinite for none.
        noise_correlation: Of the noise between neurons, in [0, 1): exact for Gaussian noise, and of
            the normal numbers that Poisson counts are made from.

    Raises:
        ValueError: Link or noise is unknown, or a number out of its range.
    """

    n_neurons: int = 40
    link: str = "softplus"
    bias: float = 0.0
    gain: float = 1.0
    rate_hz: float = 20.0
    lag_bins: int = 0
    trial_gain_sd: float = 0.0
    noise: str = "poisson"
    snr: float = 1.0
    noise_correlation: float = 0.0

    def __post_init__(self) -> None:
        if self.link not in LINKS:
            raise ValueError(f"link must be one of {', '.join(LINKS)}, got {self.link!r}")
        if self.noise not in ("poisson", "gaussian"):
            raise ValueError(f'noise must be "poisson" or "gaussian", got {self.noise!r}')
        if not 0 <= self.noise_correlation < 1:
            raise ValueError(f"noise_correlation must be in [0, 1), got {self.noise_correlation}")
        if not (self.trial_gain_sd >= 0 and np.isfinite([self.trial_gain_sd, self.bias]).all()):
            raise ValueError(
                "trial_gain_sd must be at least 0, and bias finite, got "
                f"{self.trial_gain_sd} and {self.bias}"
            )
        for name in ("n_neurons", "gain", "rate_hz", "snr"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be above 0, got {getattr(self, name)}")


@dataclass(frozen=True, eq=False)
class Encoded:
    """Responses and the truth behind them.

    Attributes:
        rates: Expected responses per bin, trial gain included: the oracle, ``(trials, bins,
            neurons)``.
        responses: Counts, or rates with Gaussian noise, of the same shape; 0 beyond a trial's end.
        weights: Of the standardised state, ``(channels, neurons)``.
    """

    rates: Floats
    responses: NDArray[Any]
    weights: Floats


def encode(state: ArrayLike, length: ArrayLike, encoding: Encoding, *, seed: int) -> Encoded:
    """Make the responses of neurons to a state.

    Args:
        state: Shape ``(trials, bins, channels)``; before the first bin of a trial it is held.
        length: Valid bins of each trial, ``(trials,)``.
        encoding: How neurons encode it.
        seed: Of the weights, the gains and the noise.

    Raises:
        ValueError: The state is no ``(trials, bins, channels)``, is not finite, or never varies.
    """
    values = np.asarray(state, dtype=np.float64)
    bins = np.asarray(length, dtype=np.int64)
    if values.ndim != 3 or bins.shape != values.shape[:1]:
        raise ValueError(
            "state must be (trials, bins, channels) with a length for each trial, got "
            f"{values.shape} and {bins.shape}"
        )
    valid = np.arange(values.shape[1]) < bins[:, None]
    standard = _standardised(values, valid)
    earlier = np.clip(np.arange(values.shape[1]) - encoding.lag_bins, 0, bins[:, None] - 1)
    standard = np.take_along_axis(standard, earlier[..., None], axis=1)
    weights = generator(seed, _WEIGHTS).normal(size=(values.shape[2], encoding.n_neurons))
    weights /= np.linalg.norm(weights, axis=0)
    drive = standard @ weights
    if encoding.link == "identity":
        shape = np.maximum(0.0, 1 + encoding.gain * drive)
    else:
        shape = np.logaddexp(0.0, encoding.gain * (encoding.bias + drive))
        shape = shape / shape[valid].mean(axis=0)
    sd = encoding.trial_gain_sd
    gain = np.exp(generator(seed, _TRIALS).normal(-0.5 * sd**2, sd, size=len(values)))
    rates = encoding.rate_hz * BIN_S * gain[:, None, None] * shape * valid[..., None]
    noise = _poisson if encoding.noise == "poisson" else _gaussian
    responses = noise(rates, valid, encoding, generator(seed, _NOISE))
    return Encoded(rates, responses * valid[..., None], weights)


def plant_neurons(
    recording: Recording, state: ArrayLike, encoding: Encoding, *, seed: int
) -> tuple[Recording, Encoded]:
    """Give a recording neurons that encode a state, in place of its own.

    Args:
        recording: Its movements stay.
        state: Of each bin, ``(trials, bins, channels)``, such as ``recording.variables(["hand"])``
            or the features of a layer.
        encoding: With Poisson noise: a recording holds counts.
        seed: Of the neurons.

    Raises:
        ValueError: As for `encode`, or the noise is Gaussian.
    """
    if encoding.noise != "poisson":
        raise ValueError(
            f"a recording holds counts: noise must be poisson, got {encoding.noise}; use encode"
        )
    encoded = encode(state, recording.length, encoding, seed=seed)
    names = tuple(f"planted {number}" for number in range(encoding.n_neurons))
    return replace(recording, spikes=encoded.responses, neurons=names), encoded


def _standardised(values: Floats, valid: NDArray[np.bool_]) -> Floats:
    seen = values[valid]
    if not np.isfinite(seen).all():
        n_bad = int((~np.isfinite(seen)).sum())
        raise ValueError(f"state must be finite in valid bins, got {n_bad} NaN or infinite numbers")
    spread = seen.std(axis=0)
    if not (spread > 0).any():
        raise ValueError("state must vary for neurons to encode it, got constant channels only")
    # a channel that never moves drives no neuron
    standard = (values - seen.mean(axis=0)) / np.where(spread > 0, spread, 1.0)
    return np.asarray(np.where(valid[..., None], standard, 0.0))


def _gaussian(
    rates: Floats, valid: NDArray[np.bool_], encoding: Encoding, rng: np.random.Generator
) -> Floats:
    sd = rates[valid].std(axis=0) / np.sqrt(encoding.snr)
    return np.asarray(rates + sd * _normal(rates.shape, encoding.noise_correlation, rng))


def _poisson(
    rates: Floats, valid: NDArray[np.bool_], encoding: Encoding, rng: np.random.Generator
) -> NDArray[Any]:
    if encoding.noise_correlation == 0:
        return rng.poisson(rates).astype(np.uint16)
    from scipy.special import ndtr
    from scipy.stats import poisson

    # a Gaussian copula: each neuron's counts stay Poisson
    quantile = ndtr(_normal(rates.shape, encoding.noise_correlation, rng))
    counts = np.zeros(rates.shape, dtype=np.uint16)
    firing = valid[..., None] & (rates > 0)
    counts[firing] = poisson.ppf(quantile[firing], rates[firing])
    return counts


def _normal(shape: tuple[int, ...], correlation: float, rng: np.random.Generator) -> Floats:
    """Standard normal numbers, correlated along the last axis."""
    own = rng.normal(size=shape)
    if correlation == 0:
        return own
    shared = rng.normal(size=(*shape[:-1], 1))
    return np.asarray(np.sqrt(1 - correlation) * own + np.sqrt(correlation) * shared)
