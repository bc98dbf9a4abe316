"""The sixteen tasks of proprio-tcn, one network each, beside what it has to beat; an hour or two.

    python -m benchmarks.proprio_tasks run --jobs 4 FOLDER drawn.jitter=0.06 training.epochs=10
    python -m benchmarks.proprio_tasks page FOLDER

`run` trains what is not done yet in ``FOLDER/TASK``, and goes on where it was stopped; what follows
FOLDER is told to every `proprio-tcn train`. It ends with ``FOLDER/table.md``, which `page` prints:
what these trainings wrote, or what the package ships in ``proprio_tcn/pretrained``, as Markdown.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from proprio_tcn.tasks.sixteen import TASKS, Task
from proprio_tcn.training.card import ScoreRow, read_scores

BASELINES = {
    "linear": "linear ridge",
    "mean": "mean",
    "quadratic": "quadratic ridge on lengths",
    "pca_bins": "PCA of each bin",
    "pca_windows": "PCA of windows",
    "k_nearest": "nearest neighbours",
    "logistic": "logistic regression",
    "untrained": "the same probe of the untrained network",
}
REGRESSORS = ("linear", "mean", "quadratic")
OTHERS = {
    "action_recognition": "share of right letters",
    "redundancy_reduction": "share of right letters, by a linear probe",
}


def run(folder: Path, options: Sequence[str], jobs: int, tasks: Sequence[str]) -> None:
    """Train what is not done, several at once; those that fail are named at the end."""
    missing = [task for task in tasks if not (folder / task / "done").is_file()]
    line = [sys.executable, "-m", "proprio_tcn.cli", "train"]

    def train(task: str) -> int:
        words = [*line, f"task={task}", f"hydra.run.dir={folder / task}", *options]
        if (folder / task / "config.json").is_file():
            words.append("resume=true")
        return subprocess.run(words, check=False).returncode

    with ThreadPoolExecutor(jobs) as pool:
        codes = dict(zip(missing, pool.map(train, missing), strict=True))
    failed = [task for task, code in codes.items() if code]
    if len(failed) < len(tasks):
        (folder / "table.md").write_text("\n".join([*page(folder), ""]), encoding="utf-8")
    if failed:
        sys.exit(f"not done: {', '.join(failed)}")


def page(folder: Path) -> Iterator[str]:
    """Lines of the tables: regressions in movement, then the other tasks."""
    found = {
        task: read_scores(folder / name)
        for name, task in TASKS.items()
        if (folder / name / "scores.csv").is_file()
    }
    if not found:
        raise FileNotFoundError(f"{folder} must hold folders of tasks with scores.csv, got none")
    titles = ["task", "in movement", "network", *(BASELINES[name] for name in REGRESSORS)]
    yield f"| {' | '.join([*titles, 'network, at every bin'])} |"
    yield "|---" * (len(titles) + 1) + "|"
    for task, rows in found.items():
        if task.head in ("regress", "torque"):
            yield from regression_lines(task, rows)
    yield ""
    yield "| task | score | network | beside |"
    yield "|---|---|---|---|"
    for task, rows in found.items():
        if task.head not in ("regress", "torque"):
            yield from other_lines(task, rows)


def regression_lines(task: Task, rows: Sequence[ScoreRow]) -> Iterator[str]:
    """One line for each quantity, errors in units with R2 at the times of outputs."""
    cell = {(row.predictor, row.target, row.where): row for row in rows}
    own, title = rows[0].predictor, task.title
    for target in task.targets:
        keys = {name: (name, target.name, "movement at outputs") for name in (own, *REGRESSORS)}
        here = {name: cell[key] for name, key in keys.items() if key in cell}
        best = min((here[name].rmse for name in ("linear", "mean") if name in here), default=0.0)
        told = [beaten(here[own], here[own].rmse < best)]
        told += [errors(here[name]) if name in here else "" for name in REGRESSORS]
        quantity = f"{target.name.replace('_', ' ')} ({target.unit})"
        told.append(errors(cell[own, target.name, "movement"]))
        yield f"| {title} | {quantity} | {' | '.join(told)} |"
        title = ""


def other_lines(task: Task, rows: Sequence[ScoreRow]) -> Iterator[str]:
    """Accuracies in one line; of the autoencoder one for lengths and one for velocities."""
    own, title = rows[0].predictor, task.title
    if task.head != "decode":
        others = {row.predictor: row.score for row in rows if row.predictor in BASELINES}
        beside = "; ".join(f"{BASELINES[name]} {score:.3f}" for name, score in others.items())
        # less is chance with some two thousand movements
        bold = "**" if rows[0].score > max(others.values(), default=1.0) + 0.03 else ""
        yield f"| {title} | {OTHERS[task.name]} | {bold}{rows[0].score:.3f}{bold} | {beside} |"
        return
    for target in task.targets:
        here = {r.predictor: r for r in rows if r.target == target.name and r.where == "movement"}
        best = min((row.rmse for name, row in here.items() if name != own), default=0.0)
        beside = "; ".join(
            f"{BASELINES[name]} {errors(row)}" for name, row in here.items() if name != own
        )
        quantity = f"{target.name.replace('_', ' ')} ({target.unit}), in movement"
        yield f"| {title} | {quantity} | {beaten(here[own], here[own].rmse < best)} | {beside} |"
        title = ""


def errors(row: ScoreRow) -> str:
    """Error in units and R2."""
    return f"{row.rmse:.3g} ({row.score:z.3f})"


def beaten(row: ScoreRow, best: bool) -> str:
    """The same, bold where nothing that it has to beat is as good."""
    return f"**{errors(row)}**" if best else errors(row)


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    training = verbs.add_parser("run")
    training.add_argument("folder", type=Path)
    training.add_argument("options", nargs="*")
    training.add_argument("--jobs", type=int, default=1)
    training.add_argument("--tasks", type=lambda names: names.split(","), default=list(TASKS))
    verbs.add_parser("page").add_argument("folder", type=Path)
    told = parser.parse_args()
    if told.verb == "page":
        print("\n".join(page(told.folder)))
    else:
        run(told.folder, told.options, told.jobs, told.tasks)


if __name__ == "__main__":
    main()
