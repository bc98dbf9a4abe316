"""Ensembles that a first controller has suppressed: where a second agent begins."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import Variety
from rldbs_env.ensembles import Ensemble
from rldbs_env.interface import checked_actions
from rldbs_env.oscillators import Model
from rldbs_env.pulses import delta
from rldbs_env.reward import QuadraticReward

if TYPE_CHECKING:
    from rldbs_env.settings import Settings

__all__ = ["suppressed_ensembles"]


def suppressed_ensembles(
    settings: "Settings", model: Model, n_neurons: int, seeds: list[int]
) -> list[Ensemble]:
    """Ensembles of this model and size after ``prelude_steps`` under the settings' ``prelude``.

    The first controller works on the ensembles of the environment, by delta kicks, without rules of
    delivery and without disturbances. What comes of an ensemble depends on its seed alone.
    """
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
        Ensemble(state, currents, fields)
        for state, currents, fields in zip(batch.state, batch.currents, batch.fields, strict=True)
    ]
