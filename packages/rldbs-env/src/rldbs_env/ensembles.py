"""Ensembles by number: the same seed gives the same neurons, settled on their rhythm, anywhere."""

import threading
from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import DTypeLike

from rldbs_env.arrays import Array
from rldbs_env.chance import chaos_of
from rldbs_env.kernels import kernels_of
from rldbs_env.oscillators import Model
from rldbs_env.parallel import Threads

__all__ = ["Cache", "Ensemble", "settled_ensembles"]


@dataclass(frozen=True)
class Ensemble:
    """Neurons and where they are.

    Attributes:
        state: Shape (n_variables, n_neurons).
        currents: Shape (n_neurons,).
        fields: X and Y of each sensor, shape (2, n_sensors).
    """

    state: Array
    currents: Array
    fields: Array

    @property
    def n_bytes(self) -> int:
        """Memory of the arrays."""
        return self.state.nbytes + self.currents.nbytes + self.fields.nbytes

    def frozen(self) -> Self:
        """This ensemble, its arrays made read-only."""
        for array in (self.state, self.currents, self.fields):
            array.setflags(write=False)
        return self


class Cache:
    """Ensembles by what they were made from, the least recently used ones forgotten first.

    Args:
        max_bytes: Memory that the ensembles may take, the newest excepted.
    """

    def __init__(self, max_bytes: int = 64 * 2**20) -> None:
        self._max_bytes = max_bytes
        self._n_bytes = 0
        self._entries: OrderedDict[tuple[object, ...], Ensemble] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: tuple[object, ...]) -> Ensemble | None:
        """The ensemble of this key, if it is remembered."""
        with self._lock:
            found = self._entries.get(key)
            if found is not None:
                self._entries.move_to_end(key)
            return found

    def put(self, key: tuple[object, ...], ensemble: Ensemble) -> None:
        """Remember an ensemble; the first one of a key stays."""
        with self._lock:
            if key in self._entries:
                return
            self._entries[key] = ensemble
            self._n_bytes += ensemble.n_bytes
            while self._n_bytes > self._max_bytes and len(self._entries) > 1:
                self._n_bytes -= self._entries.popitem(last=False)[1].n_bytes


_settled = Cache()


def settled_ensembles(
    model: Model,
    n_neurons: int,
    seeds: Sequence[int],
    *,
    transient_steps: int | None = None,
    dtype: DTypeLike = np.float64,
    threads: int = 1,
    remember: bool = True,
) -> list[Ensemble]:
    """Draw the ensembles of these seeds and let them run freely until they have settled.

    Args:
        model: The model with its parameters.
        n_neurons: Number of neurons, at least 1.
        seeds: One seed per ensemble, each at least 0; its draws come from
            ``numpy.random.default_rng(seed)``.
        transient_steps: Free steps after the draw, at least 0; the model's own number by default.
        dtype: float64 or float32.
        threads: How many threads share the work.
        remember: Keep the results in a cache of the process (at most 64 MiB), so that the next
            call with the same arguments costs nothing.

    Returns:
        One ensemble per seed, with read-only arrays.

    Raises:
        ValueError: If ``n_neurons``, a seed or ``transient_steps`` is out of range, or an ensemble
            diverges.
    """
    n_steps = model.transient_steps if transient_steps is None else transient_steps
    if n_steps < 0:
        raise ValueError(f"transient_steps must be at least 0, got {n_steps}")
    for seed in seeds:
        if seed < 0:
            raise ValueError(f"an ensemble's seed must be at least 0, got {seed}")
    keys = [(model, n_neurons, int(seed), n_steps, np.dtype(dtype).name) for seed in seeds]
    found = {key: ensemble for key in keys if (ensemble := _settled.get(key)) is not None}
    missing = [key for key in dict.fromkeys(keys) if key not in found]
    if missing:
        state = np.empty((len(missing), len(model.variables), n_neurons), dtype=dtype)
        currents = np.empty((len(missing), n_neurons), dtype=dtype)
        for e, key in enumerate(missing):
            state[e], currents[e] = model.draw(n_neurons, np.random.default_rng(key[2]))
        wiring = model.wiring(n_neurons, dtype)
        mean_fields = np.stack([model.observe(one, wiring) for one in state])
        pool = Threads(threads, (model.n_work, n_neurons), dtype)
        pool.run(
            kernels_of(model.step()).drift,
            np.arange(len(missing)),
            np.full(len(missing), n_neurons),
            state,
            currents,
            mean_fields,
            np.tile(model.parameters(dtype), (len(missing), 1)),
            wiring,
            np.stack([chaos_of(np.random.default_rng((key[2], 1))) for key in missing]),
            np.zeros(model.n_electrodes, dtype),
            np.full(len(missing), n_steps),
        )
        pool.close()
        if not np.isfinite(mean_fields).all():
            raise ValueError(
                f"an ensemble diverged in its transient under {model}: take a smaller dt, "
                "coupling, spread or mean_current"
            )
        for e, key in enumerate(missing):
            ensemble = Ensemble(state[e].copy(), currents[e].copy(), mean_fields[e].copy()).frozen()
            found[key] = ensemble
            if remember:
                _settled.put(key, ensemble)
    return [found[key] for key in keys]
