"""From transmitters to signs: what a neuron does to the neurons that it reaches."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np
from scipy import sparse

from brainnn.connectome.graph import Connectome
from brainnn.connectome.names import transmitter_name

__all__ = ["with_signs"]


def with_signs(
    connectome: Connectome,
    *,
    glutamate: int = -1,
    others: Mapping[str, int] | None = None,
    unclear: Literal["free", "drop"] = "free",
) -> Connectome:
    """Sign every neuron by its transmitter: acetylcholine excites and GABA inhibits.

    Glutamate inhibits through chloride channels in the fly's nerve cord (Liu and Wilson 2013) and
    does both in C. elegans, so it is a choice.

    Args:
        connectome: With transmitters; signs that it has are replaced.
        glutamate: 1, -1, or 0 for unclear.
        others: Signs by transmitter that add to, or replace, the three.
        unclear: What becomes of neurons without a sign, by an unknown transmitter or a modulator:
            "free" leaves the sign open (0), "drop" takes away their outgoing connections as well.

    Raises:
        ValueError: A sign is none of 1, -1 and 0, or ``unclear`` is neither.
    """
    sign_of = {"acetylcholine": 1, "gaba": -1, "glutamate": glutamate}
    sign_of |= {transmitter_name(name): sign for name, sign in (others or {}).items()}
    for name, sign in sign_of.items():
        if sign not in (-1, 0, 1):
            raise ValueError(f"the sign of {name} must be 1, -1 or 0 (unclear), got {sign!r}")
    if unclear not in ("free", "drop"):
        raise ValueError(f"unclear must be 'free' or 'drop', got {unclear!r}")
    signs = np.array([sign_of.get(name, 0) for name in connectome.transmitters], dtype=np.int8)
    signed = replace(connectome, signs=signs)
    if unclear == "free":
        return signed
    clear = sparse.diags_array(np.abs(signs), dtype=np.int64)
    return signed.with_counts(clear @ signed.synapse_count, name=signed.name)
