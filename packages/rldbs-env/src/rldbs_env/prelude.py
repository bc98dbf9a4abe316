"""Ensembles that a first controller has suppressed: where a second agent begins."""

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from rldbs_env.delivery import Delivery
from rldbs_env.disturbances import Variety
from rldbs_env.ensembles import Ensemble
from rldbs_env.interface import checked_actions
from rldbs_env.pulses import delta

if TYPE_CHECKING:
    from rldbs_env.settings import Settings

__all__ = ["suppressed_ensembles"]


def suppressed_ensembles(settings: "Settings", seeds: list[int]) -> list[Ensemble]:
    """The ensembles of these seeds after ``prelude_steps`` under the settings' ``prelude``.

    The first controller works on the ensembles of the environment, by delta kicks, without rules of
    delivery and without disturbances. What an ensemble has come to depends on its seed alone.
    """
    from rldbs_env.batch import Batch

    controller = settings.prelude
    batch = Batch(
        len(seeds),
        replace(
            settings,
            signals=controller.signals,
            window=controller.window,
            stride=1,
            max_kick=min(getattr(controller, "max_kick", 1.0), settings.model.largest_kick),
            levels=None,
            pulse=delta(),
            delivery=Delivery(),
            prelude=None,
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
        batch.step(checked_actions(batch.settings, len(seeds), kicks))
    return [
        Ensemble(state, currents, fields)
        for state, currents, fields in zip(batch.state, batch.currents, batch.fields, strict=True)
    ]
