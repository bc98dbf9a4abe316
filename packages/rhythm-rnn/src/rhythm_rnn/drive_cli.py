"""The verbs that run a trained network and look at its taps: alone, and to clicks."""

from typing import TYPE_CHECKING, Any

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from rhythm_rnn.config import ClicksConfig, DriveConfig

__all__ = ["clicks", "drive"]


def drive(config: "DriveConfig", run: "Run") -> float:
    """Run a network at many cues; returns the largest error of its intervals at trained ones."""
    from neuro_common.device import set_torch
    from neuro_common.rate_noise import Noise
    from rhythm_rnn.clicks import cue_of_clicks, read_clicks
    from rhythm_rnn.config import DRIVEN_CUES
    from rhythm_rnn.drive import drive as run_freely
    from rhythm_rnn.figures.drive import write_drive_report
    from rhythm_rnn.recordings import write_drive
    from rhythm_rnn.tempo import largest_error, tempo
    from rhythm_rnn.weights import load

    device = set_torch(config.threads, config.device)
    trained = load(config.weights)
    network = trained.network.to(device)
    heard = () if config.clicks is None else read_clicks(config.clicks)
    cues = config.cues or ([cue_of_clicks(heard)] if len(heard) else DRIVEN_CUES)
    components = config.components if config.save == "pca" else None
    n_steps = round(1e3 * config.duration_s / network.dt_ms) * (2 if components else 1)
    bar: cli.Progress[int] = cli.progress(n_steps, "drive")
    with bar:
        result = run_freely(
            network,
            cues,
            click_s=heard,
            duration_s=config.duration_s,
            discard_s=config.discard_s,
            noise=Noise(config.seed, recurrent=config.noise),
            save_every=config.save_every,
            components=components,
            report=bar.advance,
        )
    write_drive(run.path("data.h5"), result)
    print("\n".join(write_drive_report(result, run.directory, trained.trained_cues)))
    return largest_error(tempo(result, trained.trained_cues))


def clicks(config: "ClicksConfig", run: "Run") -> float | None:
    """Let a network tap to clicks; returns the largest asynchrony that it settles at, in ms."""
    import numpy as np
    import torch

    from neuro_common.rate_noise import Noise
    from rhythm_rnn.adaptation import click_disorder, synchronisation, tempo_switch
    from rhythm_rnn.figures.adaptation import write_adaptation_report
    from rhythm_rnn.weights import load_network

    torch.set_num_threads(config.threads)
    network = load_network(config.weights)
    noise = Noise(config.seed, recurrent=config.noise)
    options: dict[str, Any] = {"repeats": config.repeats, "noise": noise}
    taps = [synchronisation(network, period, **options) for period in config.period_s]
    switches = [
        (tempo_switch(network, (first, second), clicks=told, **options), told)
        for first, second in config.switch_s
        for told in (True, False)
    ]
    period, shift = config.disorder_period_s, config.shift * config.disorder_period_s
    disorders = [
        click_disorder(network, period, "shifted", shift_s=shift, **options),
        click_disorder(network, period, "shifted", shift_s=-shift, **options),
        click_disorder(network, period, "missing", **options),
        click_disorder(network, period, "extra", shift_s=period / 2, **options),
    ]
    print("\n".join(write_adaptation_report(taps, switches, disorders, run.directory)))
    # one tempo without taps makes it NaN, whichever it is
    return float(np.max([abs(one.settled_ms) for one in taps])) if taps else None
