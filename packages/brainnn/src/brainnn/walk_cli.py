"""The verbs on trained walkers: evaluate, record, report."""

from typing import TYPE_CHECKING

from neuro_common import cli

if TYPE_CHECKING:
    from brainnn.analysis.lesion import Scores
    from brainnn.walk_config import EvaluateConfig, RecordConfig, WalkReportConfig
    from neuro_common.runs import Run

__all__ = ["evaluate", "record", "report"]


def evaluate(config: "EvaluateConfig", run: "Run") -> float:
    """Score a walker beside its baselines; returns its mean native return."""
    import torch

    from brainnn.learning.baselines import baselines
    from brainnn.learning.evaluation import evaluate as score_walks
    from brainnn.learning.evaluation import summarise
    from brainnn.learning.walkers import load_walker
    from brainnn.pages import write_scores_page
    from brainnn.walk_report import score_lines

    torch.set_num_threads(config.threads)
    walker = load_walker(config.weights)
    others = baselines(walker, config.baselines, seed=config.seed, teacher=config.teacher)
    controllers = {"network": walker.controller(), **others}
    scores: dict[str, Scores] = {}
    with cli.progress(controllers, "evaluate", metric="native return") as bar:
        for step, (name, controller) in enumerate(controllers.items()):
            scores[name] = score_walks(
                controller,
                walker.body.test(config.steps),
                config.seeds,
                steps=config.steps,
                reference=walker.body.clip,
            )
            means = {key: interval.mean for key, interval in summarise(scores[name]).items()}
            run.log(step=step, controller=name, **means)
            bar.show(means["native_return"])
            bar.advance()
    write_scores_page(walker, scores, run.directory)
    print("\n".join(score_lines(scores)))
    return summarise(scores["network"])["native_return"].mean


def record(config: "RecordConfig", run: "Run") -> float:
    """Write a walk as HDF5, film and strip; returns its mean forward speed."""
    import torch

    from brainnn.analysis.recording import write_walk
    from brainnn.filming import film_walk
    from brainnn.learning.walkers import load_walker
    from brainnn.pages import record_walk

    torch.set_num_threads(config.threads)
    walker = load_walker(config.weights)
    walk = record_walk(walker, config.seeds, config.steps)
    write_walk(run.path("walk.h5"), walk)
    written = [run.path("walk.h5")]
    if config.video is not None or config.strip:
        written += film_walk(
            walk, walker.body, run.directory, video=config.video, strip=config.strip
        )
    print("\n".join(map(str, written)))
    lengths, seen = walk.rollouts.lengths, walk.rollouts.observations
    return float(sum(seen[i, 1 : n + 1, 2].sum() for i, n in enumerate(lengths)) / lengths.sum())


def report(config: "WalkReportConfig", run: "Run") -> float:
    """Write one page on a walker; returns its mean native return."""
    import torch

    from brainnn.learning.evaluation import score, summarise
    from brainnn.learning.walkers import load_walker
    from brainnn.pages import record_walk, write_walker_page
    from brainnn.walk_report import score_lines

    torch.set_num_threads(config.threads)
    walker = load_walker(config.weights)
    walk = record_walk(walker, config.seeds, config.steps)
    scores = score(walk.rollouts, walker.body.clip)
    write_walker_page(walker, walk, scores, run.directory)
    print("\n".join(score_lines({"network": scores})))
    print(f"\nreport={run.path('report.html')}")
    return summarise(scores)["native_return"].mean
