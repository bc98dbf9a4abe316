"""The verbs that train networks and score them."""

from typing import TYPE_CHECKING

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from proprio_tcn.train_config import EvaluateConfig, TrainConfig

__all__ = ["evaluate", "train"]


def train(config: "TrainConfig", run: "Run") -> float:
    """Teach a network a task; returns its accuracy or R2 in movement on writers it never saw."""
    import torch

    from neuro_common.runs import read_provenance, write_csv
    from proprio_tcn.comparison import compare
    from proprio_tcn.movement_source import draw_or_open
    from proprio_tcn.tasks import get_task
    from proprio_tcn.trained import save_network
    from proprio_tcn.training import planned_updates, train_network

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
        learnt_from=len(learnt),
        tested_on=len(test),
    )
    networks = {config.model.name: trained}
    if config.untrained or task.head == "project":
        networks["untrained"] = trained.begin()
    compared = compare(
        networks, learnt, chosen_on, test, baselines=config.baselines, seed=config.seed
    )
    metric = found.metric
    if task.head == "project":
        metric = trained.metrics["test_probe_accuracy"] = compared.accuracy[config.model.name]
    save_network(run.directory, trained)
    write_csv(run.path("scores.csv"), compared.columns())
    print(f"{task.title}, {trunk.name()}: {len(learnt)} movements learnt from, {len(test)} tested")
    print("\n".join(compared.lines()))
    print(f"\nweights={run.directory}")
    return metric


def evaluate(config: "EvaluateConfig", run: "Run") -> float:
    """Score a trained network on a movement set; returns accuracy or R2 in movement."""
    import torch

    from proprio_tcn.movement_source import draw_or_open
    from proprio_tcn.trained import load_network

    if not config.weights:
        raise ValueError("weights must be given: weights=DIR of `proprio-tcn train`")
    torch.set_num_threads(config.threads)
    trained = load_network(config.weights, device=config.device)
    movements = draw_or_open(config, config.split, trained.task)
    found = trained.evaluate(movements)
    run.log(step=0, **found.row())
    print(f"{trained.task.title}, {len(movements)} movements of the {config.split} split:")
    for name, value in found.row().items():
        print(f"  {name:40s}{value:12.4g}")
    return found.metric
