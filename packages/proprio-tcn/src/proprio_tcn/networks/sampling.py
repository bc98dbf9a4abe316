"""The published search space of trunks, drawn by seed; needs no torch.

One to four layers of a kind ("shallow") with channels from 8 to 64 that never
shrink along the depth, kernels of 3 to 9 taps, the smaller over muscles, strides of 1 or 2 over
muscles and 1 to 3 over time; "deep" networks of ten or twelve layers, five to twelve for those over
muscles and time at once, with a stride of 1 or 2 drawn for each layer; and one to three layers over
muscles before an LSTM (Sandbrink et al. 2023; Marin Vargas, Bisi et al. 2024).
"""

from collections.abc import Sequence
from typing import Any

import numpy as np

from neuro_common.seeding import generator
from proprio_tcn.networks.geometry import trunk_geometry
from proprio_tcn.networks.settings import FAMILIES, TrunkSettings

__all__ = ["DEPTHS", "sample_trunk", "sample_trunks"]

DEPTHS = ("shallow", "deep")

_CHANNELS = (8, 16, 32, 64)
_KERNEL_SIZES = (3, 5, 7, 9)
_PUBLISHED_MUSCLES = 39
_FEWEST_OUTPUTS = 5  # what the shallow space's longest strides, 3 to the fourth, leave of 400 bins
_MOST_DRAWS = 1500


def sample_trunk(
    seed: int,
    family: str | None = None,
    depth: str = "shallow",
    *,
    most_multiply_adds: float | None = None,
    norm: str = "sample",
    padding: str = "same",
) -> TrunkSettings:
    """Draw a trunk.

    Args:
        seed: Of the draw.
        family: One of `proprio_tcn.networks.settings.FAMILIES`; None draws one of the three that
            convolve.
        depth: "shallow" or "deep"; "recurrent" is neither and takes no notice.
        most_multiply_adds: Draw again what costs more, forward, for a sample of 39 muscles and
            400 bins; None takes all, as published, up to 8,000 million.
        norm: As in the settings.
        padding: As in the settings.

    Raises:
        ValueError: A name is unknown, the seed out of range, or nothing drawn is cheap enough.
    """
    if family is not None and family not in FAMILIES:
        raise ValueError(f"family must be one of {', '.join(FAMILIES)}, got {family!r}")
    if depth not in DEPTHS:
        raise ValueError(f"depth must be one of {', '.join(DEPTHS)}, got {depth!r}")
    rng = generator(seed, DEPTHS.index(depth), 0 if family is None else FAMILIES.index(family) + 1)
    for _ in range(_MOST_DRAWS):
        chosen = FAMILIES[rng.integers(3)] if family is None else family
        drawn = _recurrent(rng) if chosen == "recurrent" else _convolutional(rng, chosen, depth)
        settings = TrunkSettings(family=chosen, norm=norm, padding=padding, **drawn)
        layers = trunk_geometry(settings, _PUBLISHED_MUSCLES)
        cost = sum(layer.multiply_adds for layer in layers)
        cheap = most_multiply_adds is None or cost <= most_multiply_adds
        if cheap and layers[-1].bins >= _FEWEST_OUTPUTS:
            return settings
    raise ValueError(
        f"none of {_MOST_DRAWS} draws of {depth} {family or 'convolutional'} trunks takes at most "
        f"{most_multiply_adds:g} multiply-adds: allow more"
    )


def sample_trunks(
    count: int,
    seed: int,
    families: Sequence[str] = FAMILIES[:3],
    depth: str = "shallow",
    *,
    most_multiply_adds: float | None = None,
    norm: str = "sample",
    padding: str = "same",
) -> list[TrunkSettings]:
    """Draw so many trunks, all different, families in turn; more of them keep the first.

    Args:
        count: How many.
        seed: Of the draws.
        families: In turn.
        depth: As for :func:`sample_trunk`.
        most_multiply_adds: As for :func:`sample_trunk`.
        norm: As in the settings.
        padding: As in the settings.

    Raises:
        ValueError: As :func:`sample_trunk`, or the space holds too few.
    """
    if count < 1 or not families:
        raise ValueError(
            f"count and families must be at least one, got {count} and {list(families)}"
        )
    chosen: dict[str, TrunkSettings] = {}
    children = generator(seed, len(DEPTHS)).integers(2**32, size=_MOST_DRAWS)
    for child in children:
        settings = sample_trunk(
            int(child),
            families[len(chosen) % len(families)],
            depth,
            most_multiply_adds=most_multiply_adds,
            norm=norm,
            padding=padding,
        )
        chosen.setdefault(settings.content_hash(), settings)
        if len(chosen) == count:
            return list(chosen.values())
    raise ValueError(
        f"count must be at most the {len(chosen)} different trunks that were found, got {count}"
    )


def _channels(rng: np.random.Generator, count: int) -> list[int]:
    return sorted(int(one) for one in rng.choice(_CHANNELS, count))


def _strides(rng: np.random.Generator, choices: Sequence[int], layers: int) -> list[int]:
    return [int(one) for one in rng.choice(choices, layers)]


def _convolutional(rng: np.random.Generator, family: str, depth: str) -> dict[str, Any]:
    deep = depth == "deep"
    if family == "spatiotemporal":
        layers = int(rng.integers(5, 13) if deep else rng.integers(1, 5))
        size = int(rng.choice(_KERNEL_SIZES))
        strides = _strides(rng, (1, 2), layers if deep else 1)
        return {
            "spatial_kernels": _channels(rng, layers),
            "spatial_kernel_size": size,
            "temporal_kernel_size": size,
            "spatial_strides": strides,
            "temporal_strides": list(strides),
        }
    layers = int(rng.integers(5, 7) if deep else rng.integers(1, 5))
    channels = _channels(rng, 2 * layers)
    first, second = channels[:layers], channels[layers:]
    spatial_first = family == "spatial_temporal"
    small, large = sorted(int(one) for one in rng.choice(_KERNEL_SIZES, 2))
    return {
        "spatial_kernels": first if spatial_first else second,
        "temporal_kernels": second if spatial_first else first,
        "spatial_kernel_size": small,
        "temporal_kernel_size": large,
        "spatial_strides": _strides(rng, (1, 2), layers if deep else 1),
        "temporal_strides": _strides(rng, (1, 2) if deep else (1, 2, 3), layers if deep else 1),
    }


def _recurrent(rng: np.random.Generator) -> dict[str, Any]:
    layers = int(rng.integers(1, 4))
    return {
        "spatial_kernels": sorted(int(one) for one in rng.choice(_CHANNELS[:3], layers)),
        "spatial_kernel_size": int(rng.choice(_KERNEL_SIZES)),
        "spatial_strides": _strides(rng, (1, 2), 1),
        "units": int(rng.choice((32, 64, 128))),
    }
