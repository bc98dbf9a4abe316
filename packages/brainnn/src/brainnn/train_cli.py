"""The verb that trains a network on a connectome."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from neuro_common import cli

if TYPE_CHECKING:
    from brainnn.train_config import TrackingTaskConfig, TrainConfig
    from neuro_common.runs import Run

__all__ = ["train"]

_SHOWN = 5  # episodes of the report's figures


def train(config: "TrainConfig", run: "Run") -> float:
    """Train a network, or go on; returns its native return, or how well it tracks."""
    import torch

    from brainnn.train_config import TrackingTaskConfig

    torch.set_num_threads(config.threads)
    if isinstance(config.task, TrackingTaskConfig):
        return _train_tracking(config, config.task, run)
    return _train_walker(config, run)


def _train_walker(config: "TrainConfig", run: "Run") -> float:
    from brainnn.analysis.curves import find_trainings
    from brainnn.connectome_cli import configured_connectome
    from brainnn.learning.evaluation import evaluate, summarise
    from brainnn.learning.training import planned_steps, train_walker
    from brainnn.pages import draw_curves, record_walk, write_walker_page
    from brainnn.walk_report import score_lines

    connectome = configured_connectome(config.connectome)
    # who is led along a recording earns nothing
    metric = "loss" if config.learning.name == "cloning" else "reward"
    bar: cli.Progress[int] = cli.progress(planned_steps(config), "train", metric=metric)
    done = 0
    with bar:

        def report(step: int, part: str, row: Mapping[str, float]) -> None:
            nonlocal done
            run.log(step=step, part=part, **row)
            bar.show(row[metric])
            bar.advance(step - done)
            done = step

        walker = train_walker(config, connectome, run.directory, report=report)
    scores = evaluate(
        walker.controller(),
        walker.body.test(config.test_steps),
        range(config.episodes),
        steps=config.test_steps,
        reference=walker.body.clip,
    )
    summary = summarise(scores)
    tested = {name: interval.mean for name, interval in summary.items()}
    walker.facts["scores"] = {name: _plain(value) for name, value in tested.items()}
    walker.facts.update(_origin(run, config.seed))
    walker.save(run.directory)
    curves = draw_curves(find_trainings(run.directory), run.directory)
    walk = record_walk(walker, range(min(config.episodes, _SHOWN)), config.test_steps)
    write_walker_page(walker, walk, scores, run.directory, curves=curves)
    print("\n".join(score_lines({config.network.name: scores})))
    print(f"\nweights={run.directory}")
    return tested["native_return"]


def _train_tracking(config: "TrainConfig", task: "TrackingTaskConfig", run: "Run") -> float:
    from dataclasses import fields

    from brainnn.analysis.curves import find_trainings
    from brainnn.connectome_cli import configured_connectome
    from brainnn.networks.files import save_network
    from brainnn.networks.making import make_network
    from brainnn.networks.tracking import TrackingTask, tracking_scores, train_tracking
    from brainnn.pages import draw_curves, write_page

    connectome = configured_connectome(config.connectome)
    core = make_network(config.network, connectome, 1, 1, seed=config.seed)
    told: dict[str, Any] = {one.name: getattr(task, one.name) for one in fields(TrackingTask)}
    bar: cli.Progress[int] = cli.progress(task.updates, "train", metric="loss")
    with bar:

        def advance(updates: int, loss: float) -> None:
            bar.show(loss)
            bar.advance(updates)

        train_tracking(
            core,
            TrackingTask(**told),
            run.directory,
            seed=config.seed,
            updates=task.updates,
            batch=task.batch,
            learning_rate=task.learning_rate,
            report=lambda point: run.log(step=point.update, **point.scores),
            advance=advance,
        )
    scores = dict(tracking_scores(core, TrackingTask(**told), test=True))
    save_network(
        run.directory, core, {"tracking": told, "scores": scores} | _origin(run, config.seed)
    )
    share = float(scores["explained_variance"])
    line = f"{config.network.name}: {share:.1%} of the variance explained, on unseen trials"
    curves = draw_curves(find_trainings(run.directory), run.directory)
    write_page(run.directory, f"brainnn: {config.network.name}, tracking", [line], curves)
    print(f"{line}\nweights={run.directory}")
    return share


def _origin(run: "Run", seed: int) -> dict[str, Any]:
    from neuro_common.runs import read_provenance

    return {"command": str(read_provenance(run.directory)["command"]), "seed": seed}


def _plain(value: float) -> float | None:
    """JSON has no NaN."""
    return value if value == value else None
