"""The compiled drive of a network: what each neuron receives from those it is connected to."""

import numpy as np

from rldbs_env._jit import jit
from rldbs_env.arrays import Array, Indices, Scalar

__all__ = ["gather"]


@jit
def gather(
    x: Array,
    currents: Array,
    coupling: Scalar,
    indptr: Indices,
    indices: Indices,
    strengths: Array,
    out: Array,
) -> None:
    """Write ``out[i] = currents[i] + coupling * sum_j strengths[i, j] x[j]`` for every neuron.

    ``indptr (n + 1,)``, ``indices`` and ``strengths (connections,)`` are the rows of a
    `rldbs_env.networks.Network`; ``x``, ``currents`` and ``out`` may be longer than ``n``, of which
    the rest is left alone. All floating arguments share one type, in which the sum is taken.
    Nothing is checked: `rldbs_env.networks.Network.check` is for that.
    """
    zero = x.dtype.type(0.0)
    for i in range(indptr.shape[0] - 1):
        total = zero
        # Unsigned, as signed indices are tested for counting from the end: 2 to 5 times slower.
        for k in range(np.uint64(indptr[i]), np.uint64(indptr[i + 1])):
            total += strengths[k] * x[np.uint64(indices[k])]
        out[i] = currents[i] + coupling * total
