"""Populations of simulated persons, and how their mapping sessions are planned."""

from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from neuro_common.verbs import suggestion
from spinal_rnn.lead import SPECIFY_565, Lead
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.responses import ONSET_MS
from spinal_rnn.simulation.anatomy import (
    ROOT_WEIGHTS,
    ROOTS,
    SEGMENT_MM,
    Kernel,
    Pool,
    both_sides,
    exponential_kernel,
    field_kernel,
    hill_pool,
    kumaraswamy_pool,
    root_places,
    transfer,
)
from spinal_rnn.simulation.depression import Depression
from spinal_rnn.simulation.noise import Noise
from spinal_rnn.simulation.protocol import Protocol
from spinal_rnn.simulation.subject import Subject
from spinal_rnn.simulation.waveform import Waveform

__all__ = ["PRESETS", "Preset", "draw_subject", "preset_named"]

Array = NDArray[np.float64]

_PLEXUS = ("normal", "prefixed", "postfixed", "mixed")
_FIXED_PART = 0.28
_ALTERNATING_PART = 0.31


@dataclass(frozen=True, eq=False)
class Preset:
    """What the persons of one population share.

    Attributes:
        kernel: From (dx_mm, dz_mm) to the drive by 1 mA.
        pool: From input to output of a pool of motoneurons.
        root_weights: Part of each root in each muscle of one side, shape (7, 7).
        spill: Part that comes from the roots of the other side.
        spread: sigma of the log-normal thresholds within a root.
        use: Mean over muscles of the resource that a pulse takes.
        recovery_ms: Time constants with which it recovers.
        parts: Part of the resource that has each of them.
        floor: Part of ``use`` that a muscle loses without responding.
        noise: What recordings add.
        protocol: Of a mapping session.
    """

    kernel: Kernel = field_kernel
    pool: Pool = hill_pool
    root_weights: Array = field(default_factory=ROOT_WEIGHTS.copy)
    spill: float = 0.02
    spread: float = 0.30
    use: float = 0.40
    recovery_ms: tuple[float, ...] = (100.0,)
    parts: tuple[float, ...] = (1.0,)
    floor: float = 0.2
    noise: Noise = field(default_factory=Noise)
    protocol: Protocol = field(default_factory=Protocol)


def _widened(weights: Array, side: float) -> Array:
    """Weights of which each root hands a part on to its two neighbours."""
    padded = np.pad(weights, ((0, 0), (1, 1)))
    wider = (1 - 2 * side) * weights + side * (padded[:, :-2] + padded[:, 2:])
    return np.asarray(wider / wider.sum(axis=1, keepdims=True))


PRESETS = {
    "tight": Preset(partial(field_kernel, lateral=2.0)),
    "default": Preset(),
    "broad": Preset(partial(field_kernel, height_mm=8.0, power=1.75, lateral=1.6)),
    "easy": Preset(
        noise=Noise(
            trial_cv=0.02,
            pulse_cv=0.01,
            background=0.003,
            hum=0.001,
            motion=0.002,
            artefact_per_ma=0.001,
            threshold_drift=0.0,
        ),
        protocol=Protocol(
            monopolar=8, multipolar=4, amplitudes_ma=(1.0, 2.0, 3.0, 4.0, 5.0), missing=0.3
        ),
    ),
    "mismatched": Preset(
        kernel=partial(exponential_kernel, height_mm=4.0, length_mm=4.0, lateral=1.3),
        pool=partial(kumaraswamy_pool, rise=1.8, fullness=3.0),
        root_weights=_widened(ROOT_WEIGHTS, 0.12),
        spill=0.04,
        spread=0.40,
        use=0.35,
        recovery_ms=(30.0, 300.0),
        parts=(0.5, 0.5),
        floor=0.6,
    ),
}
"""Populations by name.

``tight``, ``default`` and ``broad`` differ in the width of the field alone: in a tight one the best
single contact can hardly be bettered, in a broad one responses are bilateral, unlike those of
patients. ``easy`` is a short session, 100 trials, with little noise, for tests. ``mismatched`` is a
second generator, made so that a model that shares the structure of the first one has no easy game:
drive falls exponentially without side lobes and over another width, the depression recovers with
two time constants and depends less on the response, pools follow another curve, and muscles take
their input from more roots and more from the other side.
"""


def preset_named(name: str) -> Preset:
    """A population by its name.

    Args:
        name: One of `PRESETS`.

    Raises:
        ValueError: There is none; the message suggests the nearest.
    """
    if name not in PRESETS:
        names = list(PRESETS)
        raise ValueError(
            f"preset must be one of {', '.join(names)}, got {name!r}{suggestion(name, names)}"
        )
    return PRESETS[name]


def draw_subject(
    seed: int = 0,
    preset: str = "default",
    *,
    jitter: bool = True,
    plexus: str = "normal",
    alternation: float = 0.0,
    slow_gain: float = 0.0,
    lead: Lead = SPECIFY_565,
) -> Subject:
    """One person of a population.

    Persons of one seed are alike in all presets but for what the presets set.

    Args:
        seed: Which person.
        preset: One of `PRESETS`.
        jitter: False for the mean person, the same for every seed.
        plexus: "prefixed" or "postfixed" for legs served by roots half a segment higher or lower,
            "mixed" for each leg as it comes (28 % are one or the other), or "normal".
        alternation: Part of the last response that is taken off the next one in 31 % of the
            muscles, such as 0.3: large and small responses take turns, less and less.
        slow_gain: Size of a second, polysynaptic response to 22 to 60 Hz, such as 0.2.
        lead: Where the contacts lie.

    Raises:
        ValueError: There is no such preset or plexus.
    """
    made = preset_named(preset)
    if plexus not in _PLEXUS:
        raise ValueError(f"plexus must be one of {', '.join(_PLEXUS)}, got {plexus!r}")
    rng = generator(seed, 0)
    amount = 1.0 if jitter else 0.0
    n = len(MUSCLES)

    def normal(sd: float, shape: int | tuple[int, int] = n) -> Array:
        return amount * sd * rng.standard_normal(shape)

    def between(low: float, high: float) -> Array:
        return (low + high) / 2 + amount * rng.uniform(low - high, high - low, n) / 2

    # that the lead lies lower is that the roots lie higher beside it
    shift_z_mm, shift_x_mm = normal(2.0, 1), normal(0.5, 1)
    threshold = np.exp(normal(0.15, len(ROOTS)))
    weights = np.tile(made.root_weights, (2, 1)) * np.exp(normal(0.25, (n, n // 2)))
    weights /= weights.sum(axis=1, keepdims=True)
    use = np.clip(made.use + normal(0.08), 0.05, 0.95)
    sign = np.where(rng.uniform(size=n) < 0.5 * amount, -1.0, 1.0)
    waveform = Waveform(
        onset_ms=ONSET_MS + normal(0.5),
        width_ms=between(2.6, 3.0),
        mix=between(-0.5, 0.5),
        gain_mv=sign * np.exp(normal(0.4)),
    )
    alternating = rng.uniform(size=n) < _ALTERNATING_PART
    x_mm, z_mm = root_places()
    x_mm = x_mm - shift_x_mm
    z_mm = z_mm - shift_z_mm + np.repeat(_plexus_mm(plexus, rng), n // 2)
    return Subject(
        name=f"{preset} {seed}" if jitter else preset,
        root_x_mm=x_mm,
        root_z_mm=z_mm,
        transfer=transfer(lead, x_mm, z_mm, made.kernel),
        threshold=threshold,
        weights=both_sides(weights[: n // 2], weights[n // 2 :], made.spill),
        depression=Depression(
            use,
            np.array(made.recovery_ms),
            np.array(made.parts),
            floor=made.floor,
            alternation=np.where(alternating, alternation, 0.0),
        ),
        waveform=waveform,
        spread=made.spread,
        pool=made.pool,
        slow_gain=np.full(n, slow_gain),
        noise=made.noise,
        lead=lead,
    )


def _plexus_mm(plexus: str, rng: np.random.Generator) -> Array:
    """How far caudal the roots of the left and of the right leg lie, shape (2,)."""
    half = SEGMENT_MM / 2
    if plexus != "mixed":
        return np.full(2, {"normal": 0.0, "prefixed": -half, "postfixed": half}[plexus])
    part = _FIXED_PART / 2
    return np.asarray(rng.choice([-half, 0.0, half], 2, p=[part, 1 - 2 * part, part]))
