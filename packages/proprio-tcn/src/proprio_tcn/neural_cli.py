"""The verbs on neurons: what layers say, what explains neurons, and what explains them better."""

from typing import TYPE_CHECKING, Any

from neuro_common import cli

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from neuro_common.runs import Run
    from proprio_tcn.neural.features import Features
    from proprio_tcn.neural.models import NamedNetwork
    from proprio_tcn.neural.prediction import LayerScore, Prediction
    from proprio_tcn.neural.recording import Recording
    from proprio_tcn.neural.synthetic import Encoded
    from proprio_tcn.neural.targets import Targets
    from proprio_tcn.neural_config import ActivationsConfig, CompareConfig, PredictConfig

__all__ = ["activations", "compare", "predict"]


def activations(config: "ActivationsConfig", run: "Run") -> float:
    """Write the components of every layer of every network; returns the number of layers."""
    import torch

    from proprio_tcn.neural.feature_files import write_features
    from proprio_tcn.neural.models import network_features, open_networks
    from proprio_tcn.neural.targets import prepare

    torch.set_num_threads(config.threads)
    recording, _ = _session(config)
    targets = prepare(recording, config.protocol)
    networks = open_networks(
        config.networks,
        recording,
        untrained=config.untrained,
        draws=config.draws,
        device=config.device,
    )
    if not networks:
        raise ValueError("at least one network is needed: give networks=[DIR] or draws=1")
    _write_models(run, networks)
    layers = 0
    bar: cli.Progress[int] = cli.progress(len(networks), "activations")
    with bar:
        for number, network in enumerate(networks):
            found = list(
                network_features(
                    [network],
                    targets,
                    config.protocol,
                    control=config.control,
                    seed=config.seed,
                    device=config.device,
                    batch=config.batch,
                )
            )
            write_features(run.path("activations", f"{number}.npz"), targets, found)
            run.log(step=number, model=network.name, layers=len(found))
            layers += len(found)
            bar.advance()
    print(f"{layers} layers of {len(networks)} networks in {len(targets.windows)} windows:")
    print(f"    {run.path('activations')}")
    return float(layers)


def predict(config: "PredictConfig", run: "Run") -> float:
    """Read a session's neurons out of every model; returns the best mean explained variance."""
    from itertools import chain

    import torch

    from neuro_common.runs import write_csv, write_json
    from proprio_tcn.neural.ceilings import ceiling_table
    from proprio_tcn.neural.controls import shuffled
    from proprio_tcn.neural.data_driven import learn_architectures
    from proprio_tcn.neural.feature_files import read_features
    from proprio_tcn.neural.kinematics import kinematic_features
    from proprio_tcn.neural.models import open_networks
    from proprio_tcn.neural.prediction import Prediction
    from proprio_tcn.neural.prediction import predict as read_out
    from proprio_tcn.neural.prediction_files import write_prediction
    from proprio_tcn.neural.targets import prepare

    torch.set_num_threads(config.threads)
    recording, truth = _session(config)
    targets = prepare(recording, config.protocol, lags=config.lags)
    explained = shuffled(targets, seed=config.seed) if config.shuffle else targets
    networks = open_networks(
        config.networks,
        recording,
        untrained=config.untrained,
        draws=config.draws,
        device=config.device,
    )
    _write_models(run, networks, config.activations)
    split = {"test_trials": targets.windows.trial[targets.split.test].tolist()}
    split |= {"train_trials": targets.windows.trial[targets.split.train].tolist()}
    write_json(run.path("split.json"), split | {"session": recording.session}, "proprio-tcn/split")
    kinematic = kinematic_features(recording, targets.windows, config.kinematics)
    stored = [one for path in config.activations for one in read_features(path, targets)]
    names = {one.model for one in stored}
    fresh = [one for one in networks if one.name not in names]
    if len(fresh) < len(networks):
        print(f"{len(networks) - len(fresh)} networks are read from activations, not run again")
    total = len(kinematic) + len(stored) + sum(len(one.trunk.geometry) for one in fresh)
    bar: cli.Progress[int] = cli.progress(total, "predict", metric="test EV")
    scores: list[LayerScore] = []
    with bar:

        def told(score: "LayerScore") -> None:
            test_ev = float(score.test_ev.mean())
            run.log(step=len(scores), model=score.model, layer=score.layer, test_ev=test_ev)
            scores.append(score)
            bar.show(test_ev)
            bar.advance()

        found = read_out(
            explained,
            chain(kinematic, stored, _features(config, targets, fresh)),
            alphas=config.protocol.alphas,
            device=config.device,
            told=told,
        )
    if config.data_driven:
        learnt = learn_architectures(
            networks,
            explained,
            config.protocol,
            epochs=config.data_driven,
            control=config.control,
            seed=config.seed,
            device=config.device,
        )
        found = Prediction(found.neurons, (*found.layers, *learnt))
    write_prediction(run.directory, found)
    true_rates = None if truth is None else truth.rates
    ceilings = ceiling_table(targets, config.protocol, true_rates, seed=config.seed)
    write_csv(run.path("ceilings.csv"), ceilings)
    if config.lags:
        every = chain(kinematic, stored, _features(config, targets, fresh))
        write_csv(run.path("lags.csv"), _lag_rows(config, targets, every, found))
    best = max(found.best_layers(), key=lambda one: float(one.test_ev.mean()))
    print("\n".join(_told(recording, targets, found, ceilings)))
    return float(best.test_ev.mean())


def compare(config: "CompareConfig", run: "Run") -> float | None:
    """Compare the best layers of the models; returns the difference of the first pair."""
    from pathlib import Path

    from neuro_common.runs import read_csv, write_csv
    from proprio_tcn.neural.prediction_files import read_prediction
    from proprio_tcn.neural.relations import Standing, relation_table
    from proprio_tcn.neural.statistics import compare_models, comparison_table

    if not config.predictions:
        raise ValueError("predictions must name directories: predictions=[DIR] of `predict`")
    rows: dict[str, list[Any]] = {}
    standings: list[Standing] = []
    for directory in config.predictions:
        prediction = read_prediction(directory)
        pairs = compare_models(
            prediction.best_layers(),
            reference=config.reference,
            draws=config.draws,
            seed=config.seed,
        )
        table = {"prediction": [directory] * len(pairs), **comparison_table(pairs)}
        for name, values in table.items():
            rows.setdefault(name, []).extend(values)
        facts = read_csv(Path(directory) / "models.csv")
        standings += Standing.of(directory, prediction, facts)
    write_csv(run.path("comparisons.csv"), rows)
    relations = relation_table(standings)
    write_csv(run.path("relations.csv"), relations)
    print("\n".join(_comparison_lines(rows)))
    for task, r, p in zip(relations["task"], relations["r"], relations["p"], strict=True):
        told = f"r {r:.2f}, p {p:.3g}" if r == r else "not to be told apart from depth and session"
        print(f"{task}: performance and explained variance, depth taken out: {told}")
    first = rows["difference"]
    return float(first[0]) if first else None


def _session(config: "ActivationsConfig") -> tuple["Recording", "Encoded | None"]:
    """The recording; of the embedded one also the truth about its neurons."""
    from dataclasses import asdict

    from proprio_tcn.neural.formats.opening import open_recording

    if config.recording != "synthetic":
        return open_recording(config.recording, **config.options), None
    from proprio_tcn.arms.opening import open_arm
    from proprio_tcn.neural.reaches import simulate_reaches
    from proprio_tcn.neural.synthetic import Encoding, plant_neurons

    reaches = simulate_reaches(open_arm(config.arm), config.reaching, seed=config.seed)
    told = asdict(config.neurons)
    state = reaches.variables(told.pop("variables"))
    return plant_neurons(reaches, state, Encoding(**told), seed=config.seed)


def _features(
    config: "PredictConfig", targets: "Targets", networks: list["NamedNetwork"]
) -> "Iterator[Features]":
    """What the networks offer, made when it is asked for."""
    from proprio_tcn.neural.models import network_features

    return network_features(
        networks,
        targets,
        config.protocol,
        control=config.control,
        seed=config.seed,
        device=config.device,
        batch=config.batch,
    )


def _write_models(
    run: "Run", networks: list["NamedNetwork"], activations: "Sequence[str]" = ()
) -> None:
    """Write the facts of all networks, also of those whose activations come from files."""
    from pathlib import Path

    from neuro_common.runs import read_csv, write_csv

    names = ("model", "task", "architecture", "family", "layers", "parameters", "performance")
    rows = {one.name: one.row() for one in networks}
    # a run of `activations` holds them in a folder, beside which its table lies
    for table in dict.fromkeys(Path(one).parent.parent / "models.csv" for one in activations):
        if not table.exists():
            print(f"no {table}: what is known of the networks of these activations is left out")
            continue
        columns = read_csv(table)
        for cells in zip(*(columns[name] for name in names), strict=True):
            stored = dict(zip(names, cells, strict=True))
            own = rows.setdefault(cells[0], stored)
            # as text, so that one NaN equals another
            if any(str(float(own[n])) != str(float(stored[n])) for n in names[-2:]):
                raise ValueError(
                    f"networks and activations must not call two networks {cells[0]}, but in "
                    f"{table} it has another performance or size: give one of them"
                )
    columns_out = {name: [row[name] for row in rows.values()] for name in names}
    write_csv(run.path("models.csv"), columns_out)


def _lag_rows(
    config: "PredictConfig",
    targets: "Targets",
    every: "Iterable[Features]",
    found: "Prediction",
) -> dict[str, list[Any]]:
    """Lag curves of the best layer of each model."""
    from proprio_tcn.neural.lags import lag_curve

    best = {(one.model, one.layer) for one in found.best_layers()}
    columns: dict[str, list[Any]] = {"model": [], "layer": []}
    for features in every:
        if (features.model, features.layer) not in best:
            continue
        rows = lag_curve(targets, features, config.lags, config.protocol).table(targets.neurons)
        for name, values in rows.items():
            columns.setdefault(name, []).extend(values)
        n = len(rows["neuron"])
        columns["model"] += [features.model] * n
        columns["layer"] += [features.layer] * n
    return columns


def _told(
    recording: "Recording",
    targets: "Targets",
    found: "Prediction",
    ceilings: dict[str, list[Any]],
) -> list[str]:
    import numpy as np

    ranked = sorted(found.best_layers(), key=lambda one: -float(one.test_ev.mean()))
    model = max(len(one.model) for one in ranked)
    layer = max(10, *(len(one.layer) for one in ranked))
    lines = [
        f"{len(found.neurons)} neurons of {recording.subject or 'one session'}, "
        f"{len(targets.split.train)} {targets.windows.kind} trials learnt from, "
        f"{len(targets.split.test)} held out"
    ]
    lines += [f"left out: {one}" for one in targets.left_out]
    if recording.left_out:
        lines.append(
            f"{len(recording.left_out)} left out on reading, first {recording.left_out[0]}"
        )
    if not np.isnan(ceilings["reliability"]).all():
        halves = np.nanmedian(ceilings["reliability"])
        lines.append(f"median reliability of mean time courses {halves:.3f}")
    if "oracle_ev" in ceilings:
        lines.append(
            f"test EV of the true rates, the ceiling: {np.mean(ceilings['oracle_ev']):.3f}"
        )
    lines += ["", f"{'model':<{model}}  {'best layer':<{layer}}  test EV"]
    lines += [f"{o.model:<{model}}  {o.layer:<{layer}}  {o.test_ev.mean():.3f}" for o in ranked]
    return lines


def _comparison_lines(rows: dict[str, list[Any]], most: int = 20) -> list[str]:
    lines = [f"{'difference of test EV':<24} {'95 % interval':<20} p (Holm)  models"]
    for place in range(min(most, len(rows["first"]))):
        one = {name: values[place] for name, values in rows.items()}
        interval = f"{one['low']:+.3f} to {one['high']:+.3f}"
        lines.append(
            f"{one['difference']:<+24.3f} {interval:<20} {one['p_holm']:<9.2g} "
            f"{one['first']} - {one['second']}"
        )
    if len(rows["first"]) > most:
        lines.append(f"... {len(rows['first'])} pairs in comparisons.csv")
    return lines
