"""Searches for the configurations that an objective likes, by a surrogate's answers.

All of them end in `spinal_rnn.control.candidates.evaluate`, which projects into the limits.
"""

import warnings
from collections.abc import Sequence
from typing import TYPE_CHECKING, Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from neuro_common.seeding import generator
from spinal_rnn.control.candidates import Candidates, evaluate, join
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.objectives import Objective, lower_bound
from spinal_rnn.control.search_space import bipolar, multipolar, single
from spinal_rnn.control.surrogate import Surrogate
from spinal_rnn.lead import SPECIFY_565, Lead

if TYPE_CHECKING:
    from torch import Tensor

    from spinal_rnn.models.forms import Stimulation

__all__ = ["SEARCHES", "Differentiable", "evolution", "exhaustive", "gradient", "random", "search"]

Array = NDArray[np.float64]

SEARCHES = ("exhaustive", "random", "gradient", "evolution")
"""What `search` can be told to use."""

_FAINT = 1e-3  # part of a contact that a gradient may wake
_RUNS = 3  # of the evolution
_SMALL = 0.05  # part of a contact that is not worth its wire


@runtime_checkable
class Differentiable(Surrogate, Protocol):
    """A surrogate that passes gradients from the responses to the currents."""

    def respond(self, given: "Stimulation") -> "Tensor":
        """Responses as torch has them, shape (members, trials, 14)."""
        ...


def exhaustive(
    surrogate: Surrogate, objective: Objective, limits: Limits, *, kappa: float = 0.0
) -> Candidates:
    """All single contacts against the case, and all pairs.

    Args:
        surrogate: What answers.
        objective: What to maximise.
        limits: What is allowed.
        kappa: See `spinal_rnn.control.candidates.evaluate`.
    """
    sets = (
        [bipolar(limits)]
        if limits.contacts - 1 in limits.forbidden
        else [
            single(limits),
            bipolar(limits),
        ]
    )
    return evaluate(surrogate, objective, np.concatenate(sets), limits, kappa=kappa)


def random(
    surrogate: Surrogate,
    objective: Objective,
    limits: Limits,
    *,
    lead: Lead = SPECIFY_565,
    count: int = 1500,
    kappa: float = 0.0,
    seed: int = 0,
) -> Candidates:
    """Random sets of a few cathodes and anodes with random parts.

    Args:
        surrogate: What answers.
        objective: What to maximise.
        limits: What is allowed.
        lead: Where the contacts lie.
        count: How many to draw.
        kappa: See `spinal_rnn.control.candidates.evaluate`.
        seed: Of the draws.
    """
    sets = multipolar(lead, limits, count, generator(seed))
    return evaluate(surrogate, objective, sets, limits, kappa=kappa)


def gradient(
    surrogate: Differentiable,
    objective: Objective,
    limits: Limits,
    starts: Candidates,
    *,
    kappa: float = 0.0,
    updates: int = 60,
    learning_rate: float = 0.1,
) -> Candidates:
    """Climb from each start through the model, all at once.

    The cathodes' parts are a softmax over the contacts, so are the anodes', and the amplitude is a
    logistic function below its limit: sums and limits hold at every step. A contact of both has the
    difference. Frequency and pulse width stay.

    Args:
        surrogate: A model that passes gradients.
        objective: What to maximise.
        limits: What is allowed.
        starts: Where to begin.
        kappa: See `spinal_rnn.control.candidates.evaluate`.
        updates: Of Adam.
        learning_rate: Of Adam.
    """
    import torch

    from spinal_rnn.models.forms import Stimulation

    vectors = torch.tensor(starts.vectors, dtype=torch.float32)
    forbidden = torch.tensor(~limits.allowed)
    logits = torch.stack([torch.log(side.clamp(min=0) + _FAINT) for side in (-vectors, vectors)])
    part = torch.tensor(starts.amplitude_ma / limits.total_ma, dtype=torch.float32)
    level = torch.logit(part.clamp(0.02, 0.98))
    frequency_hz, width_us = (
        torch.tensor(one, dtype=torch.float32)
        for one in (starts.frequency_hz, starts.pulse_width_us)
    )
    logits.requires_grad_()
    level.requires_grad_()
    optimiser = torch.optim.Adam([logits, level], lr=learning_rate)
    for _ in range(updates):
        cathodes, anodes = logits.masked_fill(forbidden, -torch.inf).softmax(dim=-1)
        currents = (anodes - cathodes) * (limits.total_ma * torch.sigmoid(level))[:, None]
        values = surrogate.respond(Stimulation(currents, frequency_hz, width_us))
        optimiser.zero_grad()
        loss = -lower_bound(objective(values), kappa).sum()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
    with torch.no_grad():
        cathodes, anodes = logits.masked_fill(forbidden, -torch.inf).softmax(dim=-1)
    found = (anodes - cathodes).double().numpy()
    found[np.abs(found) < _SMALL] = 0.0
    return evaluate(surrogate, objective, found, limits, kappa=kappa)


def evolution(
    surrogate: Surrogate,
    objective: Objective,
    limits: Limits,
    starts: Candidates,
    *,
    kappa: float = 0.0,
    generations: int = 30,
    population: int = 24,
    seed: int = 0,
) -> Candidates:
    """Covariance matrix adaptation (Hansen 2016, the package cma) from each start.

    It needs no gradient. A point is one number for each contact; `Limits.project` makes it a
    configuration, whose best amplitude counts.

    Args:
        surrogate: What answers.
        objective: What to maximise.
        limits: What is allowed.
        starts: Where to begin; each is a run of its own.
        kappa: See `spinal_rnn.control.candidates.evaluate`.
        generations: Of each run.
        population: Of each generation.
        seed: Of the first run; each other has the next.
    """
    found = []
    with warnings.catch_warnings():
        # it looks for an optional plotting package when it is imported
        warnings.simplefilter("ignore")
        from cma import CMAEvolutionStrategy
    for number, start in enumerate(starts.vectors):
        options = {"popsize": population, "seed": seed + number + 1, "verbose": -9}
        strategy = CMAEvolutionStrategy(start, 0.2, options)
        for _ in range(generations):
            points = np.asarray(strategy.ask())
            ranked = evaluate(surrogate, objective, points, limits, kappa=kappa, amplitudes=12)
            costs = np.empty(population)
            costs[ranked.tried] = -ranked.bound
            strategy.tell(list(points), costs.tolist())
            found.append(ranked.take([0]))
    best = join(found)
    return evaluate(surrogate, objective, best.vectors, limits, kappa=kappa)


def search(
    surrogate: Surrogate,
    objective: Objective,
    limits: Limits,
    *,
    methods: Sequence[str] = ("exhaustive", "random", "gradient"),
    lead: Lead = SPECIFY_565,
    count: int = 1500,
    starts: int = 16,
    kappa: float = 0.0,
    seed: int = 0,
) -> dict[str, Candidates]:
    """Several searches after one another: gradient and evolution begin at the best so far.

    Args:
        surrogate: What answers; for "gradient" it must be `Differentiable`.
        objective: What to maximise.
        limits: What is allowed.
        methods: Of `SEARCHES`, in this order.
        lead: Where the contacts lie.
        count: Random sets.
        starts: Of the gradient; evolution begins at the best three.
        kappa: See `spinal_rnn.control.candidates.evaluate`.
        seed: Of everything random.

    Returns:
        What each found.

    Raises:
        ValueError: There is no such method, one is named twice, or the first needs a start.
        TypeError: The surrogate passes no gradient.
    """
    if len({*methods} & {*SEARCHES}) < len(methods):
        raise ValueError(f"methods must be some of {', '.join(SEARCHES)}, got {list(methods)}")
    if not methods or methods[0] not in ("exhaustive", "random"):
        raise ValueError(f"the first method must be exhaustive or random, got {list(methods)}")
    if "gradient" in methods and not isinstance(surrogate, Differentiable):
        raise TypeError(f"gradient needs a surrogate with respond(), got {type(surrogate)}")
    found: dict[str, Candidates] = {}
    for method in methods:
        if method == "exhaustive":
            found[method] = exhaustive(surrogate, objective, limits, kappa=kappa)
        elif method == "random":
            found[method] = random(
                surrogate, objective, limits, lead=lead, count=count, kappa=kappa, seed=seed
            )
        elif method == "gradient" and isinstance(surrogate, Differentiable):
            begin = join(list(found.values())).first(starts)
            found[method] = gradient(surrogate, objective, limits, begin, kappa=kappa)
        else:
            begin = join(list(found.values())).first(_RUNS)
            found[method] = evolution(surrogate, objective, limits, begin, kappa=kappa, seed=seed)
    return found
