"""The verbs that draw a trained network's dynamics: what rests, flow, phase, and its reduction."""

from typing import TYPE_CHECKING, Any, cast

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.rates import RateNetwork
    from neuro_common.runs import Run
    from rhythm_rnn.activity import Activity
    from rhythm_rnn.dynamics_config import (
        FixedPointsConfig,
        FlowConfig,
        PhaseResponseConfig,
        ReducedFitConfig,
    )
    from rhythm_rnn.plane import OffPlane

__all__ = ["fixed_points", "flow", "phase_response", "reduced_fit"]


def fixed_points(config: "FixedPointsConfig", run: "Run") -> float:
    """Follow a network's fixed points; returns the width of the range of cues with a rhythm."""
    import torch

    from rhythm_rnn.diagram import bifurcation_diagram
    from rhythm_rnn.figures.equilibria import write_fixed_points_report
    from rhythm_rnn.network_diagram import STAGES, network_diagram
    from rhythm_rnn.reduced import ReducedModel
    from rhythm_rnn.weights import load, load_network

    torch.set_num_threads(config.threads)
    network = load_network(config.weights)
    low, high = config.cue_range
    bar: cli.Progress[int] = cli.progress(STAGES, "fixed points")
    with bar:
        diagram = network_diagram(
            network,
            cue_range=(low, high),
            n_cues=config.n_cues,
            seed=config.seed,
            report=bar.advance,
        )
    reduced = bifurcation_diagram(ReducedModel(), cue_range=(low, high), n_cycles=config.n_cycles)
    trained = load(config.weights).trained_cues
    print("\n".join(write_fixed_points_report(diagram, reduced, run.directory, trained)))
    begins, ends = diagram.scan.begins, diagram.scan.ends
    return ends.runs - begins.runs if begins and ends else 0.0


def flow(config: "FlowConfig", run: "Run") -> float:
    """Draw the flow over the cue and over time; returns the variance on the plane, in [0, 1]."""
    import numpy as np
    import torch

    from rhythm_rnn.activity import excitatory_units, record
    from rhythm_rnn.classes import CLASSES, published_classes
    from rhythm_rnn.figures.plane import write_flow_report
    from rhythm_rnn.plane import (
        flow_panels,
        principal_plane,
        published_start,
        published_states,
    )
    from rhythm_rnn.weights import load_network

    torch.set_num_threads(config.threads)
    network = load_network(config.weights)
    (shown,) = record(network, [config.cue], duration_s=5.0)
    samples = np.rint(shown.tap_samples).astype(int)
    labels = published_classes(shown.rates, samples, excitatory_units(network))
    start = published_start(labels <= CLASSES.index("Tap-I"))
    plane = principal_plane(published_states(network, start), compat=config.compat)
    off_plane = cast("OffPlane", config.off_plane)
    options: dict[str, Any] = {"half_width": config.half_width, "points": config.points}
    last = config.duration_ms - network.dt_ms
    over_cues = []
    bar: cli.Progress[int] = cli.progress(len(config.cues), "fields")
    with bar:
        for cue in config.cues:
            over_cues += flow_panels(
                network, plane, cue, [last], start=start, off_plane=off_plane, **options
            )
            bar.advance()
    ways: list[OffPlane] = [off_plane] if off_plane == "trajectory" else [off_plane, "trajectory"]
    over_time = [
        flow_panels(network, plane, config.cue, config.times_ms, off_plane=way, **options)
        for way in ways
    ]
    print("\n".join(write_flow_report(plane, over_cues, over_time, run.directory)))
    return float(plane.explained.sum())


def phase_response(config: "PhaseResponseConfig", run: "Run") -> float:
    """Push the rhythm at many phases; returns how far the strongest push resets it, in [0, 1]."""
    import numpy as np
    import torch

    from rhythm_rnn.figures.phase_response import write_response_report
    from rhythm_rnn.phase_response import beat
    from rhythm_rnn.phase_response import phase_response as push
    from rhythm_rnn.task import CLICK, CUE
    from rhythm_rnn.weights import load_network

    torch.set_num_threads(config.threads)
    network = load_network(config.weights)
    unit = np.eye(2)[CLICK if config.channel == "click" else CUE]
    bar: cli.Progress[int] = cli.progress(len(config.cues), "cues", metric="period_ms")
    with bar:
        rhythms = []
        for cue in config.cues:
            rhythms.append(
                beat(network, cue, discard_s=config.discard_s, duration_s=config.duration_s)
            )
            bar.show(rhythms[-1].period_ms)
            bar.advance()
    responses = [
        [
            push(
                network,
                rhythm,
                pulse=amplitude * unit,
                width_ms=config.width_ms,
                phases=config.phases,
                cycles=config.cycles,
            )
            for rhythm in rhythms
        ]
        for amplitude in config.amplitudes
    ]
    names = [f"{config.channel} {amplitude:g}" for amplitude in config.amplitudes]
    print("\n".join(write_response_report(responses, names, run.directory)))
    return float(np.mean([response.reset for response in responses[-1]]))


def reduced_fit(config: "ReducedFitConfig", run: "Run") -> float:
    """Fit the reduced model to a network; returns the error of its periods, as a share.

    Raises:
        ValueError: The network keeps no beat at some of the cues.
    """
    import numpy as np
    import torch

    from rhythm_rnn.activity import record
    from rhythm_rnn.figures.reduced_fit import write_fit_report
    from rhythm_rnn.fitting import fit_tempo
    from rhythm_rnn.reduced import ReducedModel
    from rhythm_rnn.weights import load_network

    torch.set_num_threads(config.threads)
    network = load_network(config.weights)
    activities = record(network, config.cues, duration_s=8.0)
    for one in activities:
        if one.taps.verdict != "valid":
            raise ValueError(
                f"cues must be such that the network keeps a beat, got {one.cue:g}: "
                f"{one.taps.reason}"
            )
    periods = [float(np.diff(one.taps.time_ms).mean()) for one in activities]
    fit = fit_tempo(ReducedModel(), config.cues, periods)
    shown = activities[config.cues.index(config.class_cue)]
    class_means = _class_means(network, shown, config.cues)
    print("\n".join(write_fit_report(fit, class_means, run.directory)))
    return fit.misfit


def _class_means(network: "RateNetwork", shown: "Activity", cues: list[float]) -> str:
    """What the model of class means does, in a sentence."""
    import numpy as np
    import torch

    from rhythm_rnn.activity import excitatory_units
    from rhythm_rnn.classes import classes_of
    from rhythm_rnn.fitting import class_mean_model, model_periods
    from rhythm_rnn.task import free_run

    labels = classes_of(shown, excitatory_units(network))
    trials = free_run(cues, duration_s=3.0, dt_ms=network.dt_ms)
    inputs = torch.from_numpy(trials.inputs).to(network.bias)
    states = network.free_run(inputs, save_every=4).states
    settled = states[:, states.shape[1] // 3 :].flatten(0, 1).cpu().numpy()
    try:
        model = class_mean_model(network, settled, labels)
    except ValueError as error:
        return f"There is no model of class means: {error}."
    found = model_periods([model], cues, start=(0.1, 0.1, -0.1))[0]
    return f"The model of class means keeps a beat at {np.isfinite(found).sum()} of the cues."
