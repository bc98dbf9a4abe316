"""Ensembles that a first controller has suppressed: where a second agent begins."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import Variety
from rldbs_env.ensembles import Cache, Ensemble
from rldbs_env.interface import checked_actions
from rldbs_env.oscillators import Model
from rldbs_env.pulses import delta
from rldbs_env.reward import QuadraticReward

if TYPE_CHECKING:
    from rldbs_env.settings import Settings

__all__ = ["suppressed_ensembles"]

_suppressed = Cache()


@dataclass(frozen=True, eq=False)
class _This:
    """Stands in a key for an object that has no hash: equal to itself alone, and kept alive."""

    thing: Any

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _This) and other.thing is self.thing

    def __hash__(self) -> int:
        return id(self.thing)


def _hashable(controller: Any) -> Any:
    try:
        hash(controller)
    except TypeError:
        return _This(controller)
    return controller


def suppressed_ensembles(
    settings: "Settings",
    model: Model,
    n_neurons: int,
    seeds: Sequence[int],
    *,
    remember: bool = True,
) -> list[Ensemble]:
    """Ensembles of this model and size after ``prelude_steps`` under the settings' ``prelude``.

    The first controller works on the ensembles of the environment, by delta kicks, without rules of
    delivery and without disturbances. What comes of an ensemble depends on its seed alone.

    Args:
        settings: Of the environment.
        model: The model with its parameters.
        n_neurons: Number of neurons.
        seeds: One seed per ensemble.
        remember: Keep the results in a cache of the process (at most 64 MiB), so that the next call
            with an equal controller, or the same one where it has no hash, costs nothing.

    Returns:
        One ensemble per seed, with read-only arrays.

    Raises:
        ValueError: If the controller does not fit the environment.
    """
    made_by = (
        _hashable(settings.prelude), settings.prelude_steps, settings.settle_steps, settings.dtype,
        model, n_neurons,
    )  # fmt: skip
    keys = [(*made_by, int(seed)) for seed in seeds]
    found = {key: ensemble for key in keys if (ensemble := _suppressed.get(key)) is not None}
    missing = [key for key in dict.fromkeys(keys) if key not in found]
    if missing:
        new = _suppress(settings, model, n_neurons, [seed for *_, seed in missing])
        found |= dict(zip(missing, new, strict=True))
    if remember:
        for key in missing:
            _suppressed.put(key, found[key])
    return [found[key] for key in keys]


def _suppress(
    settings: "Settings", model: Model, n_neurons: int, seeds: list[int]
) -> list[Ensemble]:
    """The prelude itself, of all these ensembles at once."""
    from rldbs_env.batch import Batch

    controller = settings.prelude
    batch = Batch(
        len(seeds),
        replace(
            settings,
            model=model,
            n_neurons=n_neurons,
            signals=controller.signals,
            window=controller.window,
            stride=1,
            max_kick=min(getattr(controller, "max_kick", 1.0), model.largest_kick),
            levels=None,
            pulse=delta(),
            delivery=Delivery(),
            prelude=None,
            reward=QuadraticReward(),
            disturbances=(),
            variety=Variety(),
            episode_steps=None,
            ensemble=tuple(seeds),
        ),
    )
    for member, seed in enumerate(seeds):
        batch.rngs[member] = np.random.default_rng((seed, 2))
    batch.reset(np.arange(len(seeds)), {"ensemble": np.array(seeds)})
    memory = None
    for _ in range(settings.prelude_steps):
        kicks, memory = controller.predict(batch.observations, memory)
        kicks = np.clip(kicks, -batch.settings.max_kick, batch.settings.max_kick)
        batch.step(checked_actions(batch.settings, len(seeds), kicks))
    return [
        Ensemble(state.copy(), currents.copy(), fields.copy()).frozen()
        for state, currents, fields in zip(batch.state, batch.currents, batch.fields, strict=True)
    ]
