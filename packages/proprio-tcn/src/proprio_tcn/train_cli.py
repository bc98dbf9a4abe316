"""The verbs that train networks and score them."""

from collections.abc import Sequence
from statistics import fmean
from typing import TYPE_CHECKING

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from neuro_common.training import Point
    from proprio_tcn.train_config import EvaluateConfig, TrainConfig

__all__ = ["evaluate", "train"]


def train(config: "TrainConfig", run: "Run") -> float:
    """Teach networks a task; returns their mean accuracy or R2 in movement on validation."""
    from neuro_common.device import set_torch
    from neuro_common.runs import read_provenance, write_csv
    from proprio_tcn.baselines.comparison import compare
    from proprio_tcn.baselines.probes import linear_probe
    from proprio_tcn.tasks.sixteen import get_task
    from proprio_tcn.training.card import write_card
    from proprio_tcn.training.fitting import planned_updates, train_together
    from proprio_tcn.training.members import member_lines, member_scores
    from proprio_tcn.training.movement_source import draw_or_open, source_facts
    from proprio_tcn.training.trained import save_network

    set_torch(config.threads, config.device)
    task, settings = get_task(config.task), config.training
    trunk = config.trunk()
    learnt, chosen_on, test = (
        draw_or_open(config, split, task) for split in ("train", "val", "test")
    )
    updates = planned_updates(task, settings, len(learnt))
    seeds = range(config.seed, config.seed + config.members)
    bar: cli.Progress[int] = cli.progress(updates, "train", metric="loss")
    with bar:

        def advance(updates: int, loss: float) -> None:
            bar.show(loss)
            bar.advance(updates)

        members = train_together(
            [(task, seed) for seed in seeds],
            trunk,
            learnt,
            chosen_on,
            settings,
            run.directory,
            seed=config.seed,
            encoder=config.encoder,
            device=config.device,
            report=lambda points: run.log(step=points[0].update, **_mean_point(points)),
            advance=advance,
        )
    for one in members:
        row = one.evaluate(test).row()
        one.metrics.update({f"test_{name}": value for name, value in row.items()})
        one.facts.update(
            command=str(read_provenance(run.directory)["command"]),
            model=config.model.name,
            architecture=trunk.name(),
            movements=config.movements or f"{config.drawn.arm}, jitter {config.drawn.jitter:g}",
            **source_facts(config, learnt),
            learnt_from=len(learnt),
            tested_on=len(test),
        )
    several = len(members) > 1
    names = [f"{config.model.name} {seed}" if several else config.model.name for seed in seeds]
    networks = dict(zip(names, members, strict=True))
    if config.untrained or task.head == "project":
        networks["untrained"] = members[0].begin()
    compared = compare(
        networks, learnt, chosen_on, test, baselines=config.baselines, seed=config.seed
    )
    for name, seed, one in zip(names, seeds, members, strict=True):
        if task.head == "project":
            probe = linear_probe(one, learnt, chosen_on, chosen_on, seed=config.seed)
            one.metrics["validation_probe_accuracy"] = probe
            one.metrics["test_probe_accuracy"] = compared.accuracy[name]
        folder = run.directory / "members" / str(seed) if several else run.directory
        save_network(folder, one)
        alone = compared.without([other for other in names if other != name])
        write_csv(folder / "scores.csv", alone.columns())
        write_card(folder)
    print(f"{task.title}, {trunk.name()}: {len(learnt)} movements learnt from, {len(test)} tested")
    print("\n".join(compared.lines()))
    if several:
        write_csv(run.path("scores.csv"), compared.columns())
        scores = member_scores(members)
        write_csv(run.path("members.csv"), scores)
        print(f"\nmean of {len(members)} members:", *member_lines(scores), sep="\n")
    print(f"\nweights={run.directory}{f'/members/{config.seed}' if several else ''}")
    # what a sweep compares must not be the test
    if task.head == "project":
        return fmean(one.metrics["validation_probe_accuracy"] for one in members)
    return fmean(one.validation_metric for one in members)


def _mean_point(points: "Sequence[Point]") -> dict[str, float]:
    """Loss and scores of one validation, over all networks that learn together."""
    rows = [{"train_loss": point.train_loss, **point.scores} for point in points]
    return {name: fmean(row[name] for row in rows) for name in rows[0]}


def evaluate(config: "EvaluateConfig", run: "Run") -> float:
    """Score a trained network, on movements as in its training; returns accuracy or R2.

    Raises:
        ValueError: No weights are given.
    """
    from neuro_common.device import set_torch
    from proprio_tcn.baselines.comparison import target_scores
    from proprio_tcn.baselines.probes import linear_probe
    from proprio_tcn.tasks.metrics import score_table
    from proprio_tcn.training.movement_source import as_in_training, draw_or_open, unlike_training
    from proprio_tcn.training.trained import load_network

    set_torch(config.threads, config.device)
    trained = load_network(config.weights, device=config.device)
    source = as_in_training(config, trained.facts)
    movements = draw_or_open(source, config.split, trained.task)
    unlike = unlike_training(config, trained.facts, movements)
    print(f"{trained.task.title}, {len(movements)} movements of the {config.split} split:")
    print(f"drawn {', '.join(unlike) + ' and else ' if unlike else ''}as in training")
    if trained.task.head == "project":
        learnt, chosen_on = (draw_or_open(source, one, trained.task) for one in ("train", "val"))
        accuracy = linear_probe(trained, learnt, chosen_on, movements, seed=config.seed)
        run.log(step=0, probe_accuracy=accuracy)
        print(f"{'accuracy of a linear probe for the letters':48s}{accuracy:24.4g}")
        return accuracy
    found = trained.evaluate(movements)
    run.log(step=0, **found.row())
    row = found.row()
    if trained.task.is_regression:
        name = str(trained.facts.get("model", "network"))
        print("\n".join(score_table({name: target_scores(trained, found)})))
        row = {name: row[name] for name in ("loss", "euclidean_error")}
    for name, value in row.items():
        print(f"{name.replace('_', ' '):48s}{value:24.4g}")
    return found.metric
