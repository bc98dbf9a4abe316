"""The verbs that draw a trained network's population: raster, trajectories and classes."""

from typing import TYPE_CHECKING, Any

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.rate_noise import Noise
    from neuro_common.rates import RateNetwork
    from neuro_common.runs import Run
    from rhythm_rnn.lesions import Lesion
    from rhythm_rnn.population_config import (
        ClassesConfig,
        FreeRunConfig,
        RasterConfig,
        TrajectoriesConfig,
    )

__all__ = ["classes", "raster", "trajectories"]


def raster(config: "RasterConfig", run: "Run") -> float:
    """Draw the raster of one cue; returns its mean inter-tap interval in ms."""
    from rhythm_rnn.activity import excitatory_units, record
    from rhythm_rnn.figures.raster import write_raster_report
    from rhythm_rnn.taps import intervals

    network, noise = _prepared(config)
    (activity,) = record(
        network,
        [config.cue],
        duration_s=config.duration_s,
        discard_s=config.discard_s,
        noise=noise,
    )
    begin, end = config.window_s
    summary = write_raster_report(
        activity,
        excitatory_units(network),
        run.directory,
        window_s=(begin, end),
        compat=config.compat,
    )
    print("\n".join(summary))
    return intervals(activity.taps.time_ms).mean_ms


def trajectories(config: "TrajectoriesConfig", run: "Run") -> float:
    """Draw trajectories of several tempi; returns the variance on three components, in [0, 1]."""
    import numpy as np

    from rhythm_rnn.activity import record
    from rhythm_rnn.figures.trajectories import write_trajectories_report
    from rhythm_rnn.trajectories import trajectories as follow
    from rhythm_rnn.weights import load

    network, noise = _prepared(config)
    length: dict[str, Any] = {"duration_s": config.duration_s, "discard_s": config.discard_s}
    every = max(1, round(config.sample_ms / network.dt_ms))
    found = follow(
        record(network, config.cues, noise=noise, every=every, **length), compat=config.compat
    )
    low, high = config.cue_range
    cues = np.unique([*config.cues, *np.geomspace(low, high, config.n_cues)])
    scan = record(network, cues[cues > 0], noise=noise, every=None, **length)
    trained = load(config.weights).trained_cues
    print("\n".join(write_trajectories_report(found, scan, run.directory, trained)))
    return float(found.components.explained.sum())


def classes(config: "ClassesConfig", run: "Run") -> float:
    """Draw classes of units and lesions; returns the share of units that are not silent."""
    from itertools import count

    from rhythm_rnn.activity import excitatory_units, record
    from rhythm_rnn.classes import CLASSES, composition
    from rhythm_rnn.figures.classes import write_classes_report
    from rhythm_rnn.lesions import lesion_classes

    network, noise = _prepared(config)
    length: dict[str, Any] = {"duration_s": config.duration_s, "discard_s": config.discard_s}
    cues = [config.cue, *(cue for cue in config.cues if cue != config.cue)]
    found = composition(
        record(network, cues, noise=noise, **length),
        network.effective_weight().detach().cpu().numpy(),
        excitatory_units(network),
        tap_within=config.tap_within,
        compat=config.compat,
    )
    n_lesions = 1 + len(config.doses) * (len(CLASSES) - 1) * (1 + config.draws)
    bar: cli.Progress[int] = cli.progress(n_lesions, "lesions")
    with bar:
        steps = count()

        def report(lesion: "Lesion") -> None:
            run.log(
                step=next(steps),
                target=lesion.target,
                control=lesion.control,
                dose=lesion.dose,
                valid=lesion.verdicts.count("valid"),
            )
            bar.advance()

        lesions = lesion_classes(
            network,
            found.labels,
            config.lesion_cues,
            seed=config.seed,
            doses=config.doses,
            draws=config.draws,
            noise=noise,
            report=report,
            **length,
        )
    print("\n".join(write_classes_report(found, lesions, run.directory)))
    return float((found.labels != CLASSES.index("silent")).mean())


def _prepared(config: "FreeRunConfig") -> tuple["RateNetwork", "Noise | None"]:
    """The network, and the noise of its runs."""
    import torch

    from neuro_common.rate_noise import Noise
    from rhythm_rnn.weights import load_network

    torch.set_num_threads(config.threads)
    noise = Noise(config.seed, recurrent=config.noise) if config.noise else None
    return load_network(config.weights), noise
