"""The verbs that train networks and score them."""

from typing import TYPE_CHECKING

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from proprio_tcn.train_config import EvaluateConfig, TrainConfig

__all__ = ["evaluate", "train"]


def train(config: "TrainConfig", run: "Run") -> float:
    """Teach a network a task; returns its accuracy or R2 in movement on validation."""
    import torch

    from neuro_common.runs import read_provenance, write_csv
    from proprio_tcn.baselines.comparison import compare
    from proprio_tcn.baselines.probes import linear_probe
    from proprio_tcn.tasks.sixteen import get_task
    from proprio_tcn.training.fitting import planned_updates, train_network
    from proprio_tcn.training.movement_source import draw_or_open, source_facts
    from proprio_tcn.training.trained import save_network

    torch.set_num_threads(config.threads)
    task, settings = get_task(config.task), config.training
    trunk = config.trunk()
    learnt, chosen_on, test = (
        draw_or_open(config, split, task) for split in ("train", "val", "test")
    )
    updates = planned_updates(settings, len(learnt))
    bar: cli.Progress[int] = cli.progress(updates, "train", metric="loss")
    with bar:

        def advance(updates: int, loss: float) -> None:
            bar.show(loss)
            bar.advance(updates)

        trained = train_network(
            task,
            trunk,
            learnt,
            chosen_on,
            settings,
            run.directory,
            seed=config.seed,
            report=lambda point: run.log(
                step=point.update, train_loss=point.train_loss, **point.scores
            ),
            advance=advance,
        )
    found = trained.evaluate(test)
    trained.metrics.update({f"test_{name}": value for name, value in found.row().items()})
    trained.facts.update(
        command=str(read_provenance(run.directory)["command"]),
        model=config.model.name,
        architecture=trunk.name(),
        movements=config.movements or f"{config.drawn.arm}, jitter {config.drawn.jitter:g}",
        **source_facts(config, learnt),
        learnt_from=len(learnt),
        tested_on=len(test),
    )
    networks = {config.model.name: trained}
    if config.untrained or task.head == "project":
        networks["untrained"] = trained.begin()
    compared = compare(
        networks, learnt, chosen_on, test, baselines=config.baselines, seed=config.seed
    )
    # what a sweep compares must not be the test
    metric = trained.validation_metric
    if task.head == "project":
        trained.metrics["test_probe_accuracy"] = compared.accuracy[config.model.name]
        metric = linear_probe(trained, learnt, chosen_on, chosen_on, seed=config.seed)
        trained.metrics["validation_probe_accuracy"] = metric
    save_network(run.directory, trained)
    write_csv(run.path("scores.csv"), compared.columns())
    print(f"{task.title}, {trunk.name()}: {len(learnt)} movements learnt from, {len(test)} tested")
    print("\n".join(compared.lines()))
    print(f"\nweights={run.directory}")
    return metric


def evaluate(config: "EvaluateConfig", run: "Run") -> float:
    """Score a trained network, on movements as in its training; returns accuracy or R2."""
    import torch

    from proprio_tcn.baselines.comparison import target_scores
    from proprio_tcn.tasks.metrics import score_table
    from proprio_tcn.training.movement_source import as_in_training, draw_or_open, unlike_training
    from proprio_tcn.training.trained import load_network

    if not config.weights:
        raise ValueError("weights must be given: weights=DIR of `proprio-tcn train`")
    torch.set_num_threads(config.threads)
    trained = load_network(config.weights, device=config.device)
    source = as_in_training(config, trained.facts)
    movements = draw_or_open(source, config.split, trained.task)
    unlike = unlike_training(config, trained.facts, movements)
    found = trained.evaluate(movements)
    run.log(step=0, **found.row())
    print(f"{trained.task.title}, {len(movements)} movements of the {config.split} split:")
    print(f"drawn {', '.join(unlike) + ' and else ' if unlike else ''}as in training")
    row = found.row()
    if trained.task.is_regression:
        name = str(trained.facts.get("model", "network"))
        print("\n".join(score_table({name: target_scores(trained, found)})))
        row = {name: row[name] for name in ("loss", "euclidean_error")}
    for name, value in row.items():
        print(f"{name.replace('_', ' '):48s}{value:24.4g}")
    return found.metric
