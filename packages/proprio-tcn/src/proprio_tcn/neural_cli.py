"""The verbs on neurons: what layers say, what explains neurons, and what explains them better."""

from functools import partial
from itertools import chain
from typing import TYPE_CHECKING, Any

from neuro_common import cli
from proprio_tcn._words import counted

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
    """Write the components of every layer of every network; returns the number of layers.

    Raises:
        ValueError: No network is given.
    """
    from neuro_common.device import set_torch
    from proprio_tcn.neural.feature_files import write_features
    from proprio_tcn.neural.model_tables import write_models
    from proprio_tcn.neural.models import open_networks
    from proprio_tcn.neural.targets import prepare

    set_torch(config.threads, config.device)
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
    write_models(run.path("models.csv"), networks)
    layers = 0
    bar: cli.Progress[int] = cli.progress(len(networks), "activations")
    with bar:
        for number, network in enumerate(networks):
            found = list(_features(config, [network], targets))
            write_features(
                run.path("activations", f"{number}.npz"),
                targets,
                found,
                config.protocol,
                control=config.control,
                seed=config.seed,
            )
            run.log(step=number, model=network.name, layers=len(found))
            layers += len(found)
            bar.advance()
    of, windows = counted(len(networks), "network"), counted(len(targets.windows), "window")
    print(f"{counted(layers, 'layer')} of {of} in {windows}:")
    print(f"    {run.path('activations')}")
    return float(layers)


def predict(config: "PredictConfig", run: "Run") -> float:
    """Read a session's neurons out of every model; returns the best mean explained variance."""
    from neuro_common.device import set_torch
    from neuro_common.runs import write_csv, write_json
    from proprio_tcn.neural.ceilings import ceiling_table
    from proprio_tcn.neural.controls import shuffled
    from proprio_tcn.neural.feature_files import read_features
    from proprio_tcn.neural.kinematics import kinematic_features
    from proprio_tcn.neural.model_tables import write_models
    from proprio_tcn.neural.models import open_networks
    from proprio_tcn.neural.nested import outer_targets
    from proprio_tcn.neural.prediction import Prediction, refuse_twice
    from proprio_tcn.neural.prediction_files import write_prediction
    from proprio_tcn.neural.summaries import prediction_lines
    from proprio_tcn.neural.targets import prepare

    set_torch(config.threads, config.device)
    recording, truth = _session(config)
    targets = prepare(recording, config.protocol, lags=config.lags)
    explained = shuffled(targets, seed=config.seed) if config.shuffle else targets
    nested = config.folds > 1
    splits = outer_targets(explained, config.protocol, config.folds) if nested else [explained]
    networks = open_networks(
        config.networks,
        recording,
        untrained=config.untrained,
        draws=config.draws,
        device=config.device,
    )
    for table in write_models(run.path("models.csv"), networks, config.activations):
        print(f"no {table}: what is known of the networks of these activations is left out")
    write_json(run.path("split.json"), _split_facts(splits, recording), "proprio-tcn/split")
    kinematic = kinematic_features(recording, targets.windows, config.kinematics)
    files = [
        read_features(path, targets, config.protocol, control=config.control, seed=config.seed)
        for path in config.activations
    ]
    stored = [layer for one in files for layer in one.layers]
    refuse_twice([*kinematic, *stored])
    names = {one.model for one in stored}
    fresh = [one for one in networks if one.name not in names]
    if len(fresh) < len(networks):
        told = counted(len(networks) - len(fresh), "network is", "networks are")
        print(f"{told} read from activations, not run again")
    total = len(kinematic) + len(stored) + sum(len(one.trunk.geometry) for one in fresh)
    bar: cli.Progress[int] = cli.progress(total, "predict", metric="test EV")
    scores: list[LayerScore] = []
    with bar:
        # one layer of a file after another, so that no more is held
        known = chain(kinematic, chain.from_iterable(files))
        for score in _scores(config, splits, known, fresh):
            test_ev = float(score.test_ev.mean())
            run.log(step=len(scores), model=score.model, layer=score.layer, test_ev=test_ev)
            scores.append(score)
            bar.show(test_ev)
            bar.advance()
    if config.data_driven:
        scores += _data_driven(config, splits, networks)
    found = Prediction(targets.neurons, tuple(scores))
    write_prediction(run.directory, found, co_bps=config.co_bps)
    true_rates = None if truth is None else truth.rates
    ceilings = ceiling_table(
        targets, config.protocol, true_rates, every_trial=nested, seed=config.seed
    )
    write_csv(run.path("ceilings.csv"), ceilings)
    if config.lags:
        read = chain.from_iterable(files)
        every = chain(kinematic, read, _features(config, fresh, targets))
        write_csv(run.path("lags.csv"), _lag_rows(config, targets, every, found))
    best = max(found.best_layers(), key=lambda one: float(one.test_ev.mean()))
    print(
        "\n".join(
            prediction_lines(targets, found, ceilings, folds=config.folds, co_bps=config.co_bps)
        )
    )
    return float(best.test_ev.mean())


def compare(config: "CompareConfig", run: "Run") -> float | None:
    """Compare the best layers of the models; returns the difference of the first pair.

    Raises:
        ValueError: No predictions are given.
    """
    from pathlib import Path

    from neuro_common.runs import write_csv
    from proprio_tcn.neural.model_tables import read_models
    from proprio_tcn.neural.prediction_files import read_prediction, read_window
    from proprio_tcn.neural.relations import Standing, relation_table
    from proprio_tcn.neural.statistics import compare_models, comparison_table
    from proprio_tcn.neural.summaries import comparison_lines, relation_lines, task_lines
    from proprio_tcn.neural.task_pairs import Placed, task_pairs

    if not config.predictions:
        raise ValueError("predictions must name directories: predictions=[DIR] of `predict`")
    rows: dict[str, list[Any]] = {}
    standings: list[Standing] = []
    placed: list[Placed] = []
    needed = ("model", "task", "layers", "performance", "seed", "input", "settings")
    for directory in config.predictions:
        prediction, window = read_prediction(directory), read_window(directory)
        pairs = compare_models(
            prediction.best_layers(),
            reference=config.reference,
            n_resamples=config.resamples,
            seed=config.seed,
        )
        of = {"prediction": [directory] * len(pairs), "window": [window] * len(pairs)}
        for name, values in {**of, **comparison_table(pairs)}.items():
            rows.setdefault(name, []).extend(values)
        facts = read_models(Path(directory) / "models.csv", needed)
        standings += Standing.of(directory, prediction, facts, window)
        placed += Placed.of(directory, prediction, facts, window)
    write_csv(run.path("comparisons.csv"), rows)
    relations = relation_table(standings)
    write_csv(run.path("relations.csv"), relations)
    tasks = task_pairs(placed, n_resamples=config.resamples, seed=config.seed)
    write_csv(run.path("tasks.csv"), tasks)
    lines = [*comparison_lines(rows), *task_lines(tasks), *relation_lines(relations)]
    print("\n".join(lines))
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

    arm = open_arm(config.arm, **config.arm_options)
    reaches = simulate_reaches(arm, config.reaching, seed=config.seed)
    told = asdict(config.neurons)
    state = reaches.variables(told.pop("variables"))
    return plant_neurons(reaches, state, Encoding(**told), seed=config.seed)


def _features(
    config: "ActivationsConfig", networks: "Sequence[NamedNetwork]", targets: "Targets"
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


def _scores(
    config: "PredictConfig",
    splits: "Sequence[Targets]",
    known: "Iterable[Features]",
    networks: "Sequence[NamedNetwork]",
) -> "Iterator[LayerScore]":
    """Of each layer in turn: on the trials of one split, or of all folds."""
    from proprio_tcn.neural.nested import predict_nested
    from proprio_tcn.neural.prediction import predict_layer

    look: dict[str, Any] = {"alphas": config.protocol.alphas, "device": config.device}
    if len(splits) == 1:
        for one in chain(known, _features(config, networks, splits[0])):
            yield predict_layer(splits[0], one, **look)[0]
        return
    # one network after another, so that no more than its layers are held
    held = list(known)
    yield from predict_nested(splits, lambda _: held, **look)
    for network in networks:
        yield from predict_nested(splits, partial(_features, config, [network]), **look)


def _data_driven(
    config: "PredictConfig", splits: "Sequence[Targets]", networks: "Sequence[NamedNetwork]"
) -> "list[LayerScore]":
    """Networks that learn the spikes of the training trials, of each split anew."""
    from proprio_tcn.neural.data_driven import learn_architectures
    from proprio_tcn.neural.nested import pooled_scores

    learnt = [
        learn_architectures(
            networks,
            own,
            config.protocol,
            epochs=config.data_driven,
            control=config.control,
            seed=config.seed,
            device=config.device,
        )
        for own in splits
    ]
    if len(splits) == 1:
        return learnt[0]
    return [pooled_scores(splits, one) for one in zip(*learnt, strict=True)]


def _split_facts(splits: "Sequence[Targets]", recording: "Recording") -> dict[str, Any]:
    """Which trials are held out together, and of what session."""
    trial = splits[0].windows.trial
    facts: dict[str, Any] = {
        name: getattr(recording, name) for name in ("session", "subject", "area")
    }
    if len(splits) > 1:
        return facts | {"folds": [trial[one.split.test].tolist() for one in splits]}
    split = splits[0].split
    return facts | {
        "test_trials": trial[split.test].tolist(),
        "train_trials": trial[split.train].tolist(),
    }


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
