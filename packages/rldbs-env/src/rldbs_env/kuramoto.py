"""Phase oscillators on a grid, with electrodes and sensors of limited reach.

Lengths are in grid units: unit (i, j, k) of a grid (nx, ny, nz) sits at the point (i, j, k) and has
the index ``(i * ny + j) * nz + k``.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from numpy.typing import ArrayLike, DTypeLike, NDArray

from rldbs_env.arrays import Array

__all__ = ["COUPLING_KERNELS", "FALLOFFS", "RESPONSES", "Contact", "KuramotoGrid", "lead"]

Floats = NDArray[np.float64]
Point = tuple[float, float, float]

_SHAPES: dict[str, Callable[[Floats], Floats]] = {
    "lorentzian": lambda far: 1 / (1 + far**2),
    "gaussian": lambda far: np.exp(-(far**2) / 2),
    "exponential": lambda far: np.exp(-far),
    "linear": lambda far: np.maximum(0.0, 1 - far),
    "cosine": np.cos,
}
FALLOFFS = ("lorentzian", "gaussian", "exponential", "linear")
COUPLING_KERNELS = ("global", *_SHAPES)

# constant, cosine and sine terms of the phase response; "bell" is no such sum unless it is flat
_TERMS = {
    "type_1": (1.0, -1.0, 0.0),
    "type_2": (0.0, 0.0, -1.0),
    "direct": (1.0, 0.0, 0.0),
    "bell": (1.0, 0.0, 0.0),
}
RESPONSES = tuple(_TERMS)


def _check_range(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} must be above 0 (it may be infinite), got {value}")


def _check_name(name: str, value: str, valid: tuple[str, ...]) -> None:
    if value not in valid:
        raise ValueError(f"{name} must be one of {', '.join(valid)}, got {value!r}")


@dataclass(frozen=True)
class Contact:
    """A contact of an electrode: where it is, how far it acts or hears, and in which direction.

    With the distance ``d`` to a unit and ``far = d / reach`` its strength there is 1 / (1 + far^2)
    ("lorentzian"), exp(-far^2 / 2) ("gaussian"), exp(-far) ("exponential") or max(0, 1 - far)
    ("linear"). One that faces a direction multiplies this by (1 + cos(angle)) / 2, where the angle
    is that between its azimuth and the unit's about the lead, an axis along z; on this axis the
    factor is 1/2.

    Attributes:
        position: Point of the contact.
        reach: Length over which its strength falls, above 0; infinite for the same everywhere.
        falloff: One of `FALLOFFS`.
        azimuth: Direction that it faces, degrees from the x axis towards the y axis; None for a
            ring, which faces all.

    Raises:
        ValueError: A coordinate or the angle is not finite.
    """

    position: Point = (3.5, 3.5, 3.5)
    reach: float = 4.0
    falloff: str = "lorentzian"
    azimuth: float | None = None

    def __post_init__(self) -> None:
        position: tuple[float, ...] = tuple(self.position)
        if len(position) != 3 or not all(math.isfinite(x) for x in position):
            raise ValueError(f"position must be three finite coordinates, got {position}")
        object.__setattr__(self, "position", position)
        _check_range("reach", self.reach)
        _check_name("falloff", self.falloff, FALLOFFS)
        if self.azimuth is not None and not math.isfinite(self.azimuth):
            raise ValueError(f"azimuth must be a finite angle or None, got {self.azimuth}")

    def strength(self, points: ArrayLike) -> Floats:
        """Strength at each of these points, shape (N, 3), as numbers from 0 to 1, shape (N,)."""
        offset = np.asarray(points, dtype=float) - self.position
        strength = _SHAPES[self.falloff](np.linalg.norm(offset, axis=1) / self.reach)
        if self.azimuth is None:
            return strength
        radius = np.hypot(offset[:, 0], offset[:, 1])
        azimuth = math.radians(self.azimuth)
        along = offset[:, 0] * math.cos(azimuth) + offset[:, 1] * math.sin(azimuth)
        cosine = np.divide(along, radius, out=np.zeros_like(radius), where=radius > 0)
        return np.asarray(strength * (1 + np.clip(cosine, -1, 1)) / 2)


def lead(
    position: Point = (3.5, 3.5, 3.5),
    segments: int = 4,
    *,
    reach: float = 4.0,
    falloff: str = "lorentzian",
) -> tuple[Contact, ...]:
    """Contacts of a directional lead: segments at one point that face evenly spaced directions.

    The first faces the x axis. All segments together are ``segments / 2`` times one ring.

    Args:
        position: Point of the segments.
        segments: How many, at least 2.
        reach: Length over which their strength falls.
        falloff: One of `FALLOFFS`.

    Raises:
        ValueError: If there are fewer than two segments, or a contact cannot be so.
    """
    if segments < 2:
        raise ValueError(f"segments must be at least 2 (a ring is one Contact), got {segments}")
    return tuple(
        Contact(position, reach, falloff, azimuth=360.0 * k / segments) for k in range(segments)
    )


@dataclass(frozen=True)
class KuramotoGrid:
    """Kuramoto's phase oscillators on a three-dimensional grid, with electrodes and sensors.

    For unit ``i`` with phase ``theta_i`` and natural frequency ``omega_i``::

        dtheta_i/dt = omega_i + coupling * sum_j K_ij sin(theta_j - theta_i)

    with ``omega_i = mean_frequency + frequency_spread * g_i``, ``g_i`` standard normal, and rows of
    ``K`` that sum to 1. A kick ``a_c`` of contact ``c`` shifts phases by what reaches them::

        theta_i += (sum_c reach_ci a_c) response(theta_i)

    where the response is 1 - cos(theta) ("type_1": advances only), -sin(theta) ("type_2":
    positive kicks draw every phase towards 0, where X is largest), 1 ("direct") or
    exp(-(1 + cos(theta)) / response_width^2) ("bell": near theta = pi only). Each sensor gives two
    fields, the weighted means of cos(theta) and sin(theta).

    With a time unit of 10 ms the default rhythm is one of 17 Hz, in the beta band. The population
    synchronises for global couplings above ``2 / (pi g(0))``, 1.6 times the spread. By default its
    order parameter is 0.79 (0.73 to 0.83 in 64 ensembles, all settled within 60 time units); near
    the critical coupling it takes longer to settle than `transient_steps`.

    Source: Kuramoto (1975); spatial stimulation and recording in the manner of Kuzmina et al.,
    KDD 2025 (arXiv 2505.09624), whose coupling is the default, whose couplings by distance are
    ``coupling_kernel="cosine", coupling_range=10`` and whose contacts are
    ``Contact(reach=10, falloff="linear")``.

    Attributes:
        coupling: Strength of the coupling.
        frequency_spread: Standard deviation of the natural frequencies (rad per time unit), at
            least 0.
        mean_frequency: Mean of the natural frequencies (rad per time unit), above 0.
        dt: Length of one RK4 step in time units; a cycle must have at least 8 steps, and
            ``abs(coupling) * dt`` may be at most 1.
        noise: Intensity of white noise on each phase, at least 0: its variance grows by
            ``noise^2`` per time unit.
        grid: Units along x, y and z.
        coupling_kernel: "global" for ``K_ij = 1 / N``, or how coupling falls with the distance:
            one of `FALLOFFS`, or "cosine" for cos(distance / coupling_range). Any but "global"
            costs N^2 operations per step.
        coupling_range: Length over which the coupling falls, above 0.
        response: The phase response, one of `RESPONSES`.
        response_width: Width of the response "bell" in radians, at least 0.01.
        contacts: Where kicks are given; a kick for each.
        sensors: What hears; their strengths are scaled to sum to 1 over the units. By default
            one that hears all units equally.
    """

    coupling: float = 0.52
    frequency_spread: float = 0.24
    mean_frequency: float = 1.07
    dt: float = 0.05
    noise: float = 0.0
    grid: tuple[int, int, int] = (8, 8, 8)
    coupling_kernel: str = "global"
    coupling_range: float = 2.0
    response: str = "type_2"
    response_width: float = 1.0
    contacts: tuple[Contact, ...] = (Contact(),)
    sensors: tuple[Contact, ...] = (Contact(reach=math.inf),)

    variables: ClassVar[tuple[str, ...]] = ("phase",)
    n_work: ClassVar[int] = 5
    transient_time: ClassVar[float] = 200.0

    def __post_init__(self) -> None:
        self._check_numbers()
        self._check_grid()
        _check_name("coupling_kernel", self.coupling_kernel, COUPLING_KERNELS)
        _check_name("response", self.response, RESPONSES)
        for name in ("contacts", "sensors"):
            self._check_contacts(name)

    def _check_grid(self) -> None:
        sizes: tuple[object, ...] = tuple(self.grid)
        whole = all(isinstance(size, int | np.integer) and size >= 1 for size in sizes)
        if len(sizes) != 3 or not whole:
            raise ValueError(f"grid must be three whole numbers of at least 1, got {sizes}")
        object.__setattr__(self, "grid", tuple(int(size) for size in self.grid))

    def _check_contacts(self, name: str) -> None:
        contacts: tuple[object, ...] = tuple(getattr(self, name))
        if not contacts:
            raise ValueError(f"{name} must hold at least one Contact, got none")
        for contact in contacts:
            if not isinstance(contact, Contact):
                raise ValueError(f"{name} must hold only Contacts, got {contact!r}")
            if not contact.strength(self.points).sum() > 0:
                raise ValueError(
                    f"{name} must each touch at least one unit of the grid {self.grid}, but "
                    f"{contact} touches none: move it or give it a larger reach"
                )
        object.__setattr__(self, name, contacts)

    def _check_numbers(self) -> None:
        for name in ("coupling", "frequency_spread", "mean_frequency", "dt", "noise"):
            value = getattr(self, name)
            if not math.isfinite(value):
                raise ValueError(f"{name} must be a finite number, got {value}")
        for name in ("frequency_spread", "noise"):
            value = getattr(self, name)
            if value < 0:
                raise ValueError(f"{name} must be at least 0, got {value}")
        if self.mean_frequency <= 0:
            raise ValueError(f"mean_frequency must be above 0, got {self.mean_frequency}")
        longest = 2 * math.pi / self.mean_frequency / 8
        if self.coupling:
            longest = min(longest, 1 / abs(self.coupling))
        if not 0 < self.dt <= longest:
            raise ValueError(
                f"dt must be in (0, {longest:g}] (8 steps per cycle, abs(coupling) * dt at most "
                f"1), got {self.dt}"
            )
        _check_range("coupling_range", self.coupling_range)
        if not self.response_width >= 0.01:
            raise ValueError(f"response_width must be at least 0.01, got {self.response_width}")

    @property
    def n_units(self) -> int:
        """Units on the grid: the number of neurons that an ensemble of this model has."""
        return math.prod(self.grid)

    @property
    def n_sensors(self) -> int:
        """Number of sensors."""
        return len(self.sensors)

    @property
    def n_electrodes(self) -> int:
        """Number of contacts that can be kicked by themselves."""
        return len(self.contacts)

    @property
    def largest_kick(self) -> float:
        """A whole turn, in radians.

        No kick makes phases diverge. But a direct kick of a turn changes nothing, and a phase
        response curve describes stimuli much weaker than that.
        """
        return 2 * math.pi

    @property
    def period(self) -> float:
        """One cycle at the mean frequency; of 512 drawn units it is within about 2%."""
        return 2 * math.pi / self.mean_frequency

    @property
    def period_steps(self) -> int:
        """Steps in one cycle."""
        return round(self.period / self.dt)

    @property
    def window(self) -> int:
        """Samples of two cycles: over whole cycles the mean of a window has no ripple."""
        return 2 * self.period_steps

    @property
    def transient_steps(self) -> int:
        """Steps after which a new ensemble has settled on its collective rhythm."""
        return round(self.transient_time / self.dt)

    @property
    def points(self) -> Floats:
        """Position of each unit, shape (N, 3)."""
        return np.indices(self.grid).reshape(3, -1).T.astype(float)

    def draw(self, n_neurons: int, rng: np.random.Generator) -> tuple[Floats, Floats]:
        """Draw a new ensemble: phases uniform on [-pi, pi), then the natural frequencies.

        Args:
            n_neurons: Number of units, as many as the grid has.
            rng: Source of the draws, in the order phases, frequencies.

        Returns:
            State, shape (1, n_neurons), and natural frequencies, shape (n_neurons,).

        Raises:
            ValueError: If the grid has another number of units.
        """
        self._check_count(n_neurons)
        state = rng.uniform(-math.pi, math.pi, (1, n_neurons))
        frequencies = self.mean_frequency + self.frequency_spread * rng.standard_normal(n_neurons)
        return state, frequencies

    def rates(self, state: ArrayLike, currents: ArrayLike) -> Floats:
        """Time derivative of the phases, shape (1, n_neurons), in radians per time unit.

        This is the model as one reads it in a paper; the compiled step is tested against it.
        """
        (phases,) = np.asarray(state, dtype=float)
        differences = phases[None, :] - phases[:, None]
        pull = (self.coupling_matrix() * np.sin(differences)).sum(axis=1)
        return np.asarray(currents + self.coupling * pull)[None]

    def phase_response(self, phases: ArrayLike) -> Floats:
        """Shift of each phase by a weak unit kick that reaches it fully, of the shape of phases."""
        theta = np.asarray(phases, dtype=float)
        if self.response == "bell":
            return np.asarray(np.exp(-((1 / self.response_width) ** 2) * (1 + np.cos(theta))))
        constant, of_cosine, of_sine = _TERMS[self.response]
        return np.asarray(constant + of_cosine * np.cos(theta) + of_sine * np.sin(theta))

    def coupling_matrix(self) -> Floats:
        """Weight ``K_ij`` of unit j in the drive of unit i, rows of sum 1, shape (N, N).

        Raises:
            ValueError: If a row has no clearly positive sum, as can be with the kernel "cosine".
        """
        if self.coupling_kernel == "global":
            return np.full((self.n_units, self.n_units), 1 / self.n_units)
        square = sum((axis[:, None] - axis[None, :]) ** 2 for axis in self.points.T)
        weights = _SHAPES[self.coupling_kernel](np.sqrt(square) / self.coupling_range)
        sums = weights.sum(axis=1, keepdims=True)
        if not (sums > 0.1 * np.abs(weights).sum(axis=1, keepdims=True)).all():
            raise ValueError(
                f"coupling_kernel {self.coupling_kernel!r} must have a clearly positive sum at "
                f"each unit, but with coupling_range={self.coupling_range} its negative weights "
                "nearly cancel or outweigh the positive ones: take a larger coupling_range"
            )
        return np.asarray(weights / sums)

    def wiring(self, n_neurons: int, dtype: DTypeLike) -> Any:
        """The `rldbs_env.kuramoto_step.Wiring` of this grid.

        Raises:
            ValueError: If the grid has another number of units, or a row of the coupling matrix
                has no clearly positive sum.
        """
        from rldbs_env.kuramoto_step import Wiring

        self._check_count(n_neurons)
        reach = np.stack([contact.strength(self.points) for contact in self.contacts])
        heard = np.stack([sensor.strength(self.points) for sensor in self.sensors])
        heard /= heard.sum(axis=1, keepdims=True)
        matrix = np.empty((0, 0)) if self.coupling_kernel == "global" else self.coupling_matrix()
        return Wiring(*(np.ascontiguousarray(array, dtype) for array in (reach, heard, matrix)))

    def observe(self, state: Array, wiring: Any) -> Array:
        """X and Y of each sensor, shape (2, n_sensors), in the type of the state."""
        return np.ascontiguousarray(
            np.stack([wiring.recording @ wave(state[0]) for wave in (np.cos, np.sin)])
        )

    def parameters(self, dtype: DTypeLike) -> Array:
        """Constants of the compiled step in its order, shape (8,)."""
        sharpness = (1 / self.response_width) ** 2 if self.response == "bell" else 0.0
        values = (self.coupling, self.dt, 0.0, self.noise, *_TERMS[self.response], sharpness)
        return np.array(values, dtype=dtype)

    def limits(self, max_kick: float) -> tuple[float, float, float, float]:
        """Range (x_low, x_high, y_low, y_high) that no field leaves: weighted means of cosines.

        It is -1 to 1 and what float32 may round off a sum of thousands of weights.
        """
        bound = 1.0001
        return -bound, bound, -bound, bound

    def step(self) -> Callable[..., None]:
        """The compiled step, see `rldbs_env.kuramoto_step.kuramoto_step`."""
        from rldbs_env.kuramoto_step import compiled_step

        return compiled_step()

    def _check_count(self, n_neurons: int) -> None:
        if n_neurons != self.n_units:
            raise ValueError(
                f"n_neurons must be the {self.n_units} units of the grid {self.grid}, got "
                f"{n_neurons}: pass n_neurons={self.n_units} or another grid"
            )
