"""The verb that trains the teacher and records the reference gait."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from neuro_common import cli

if TYPE_CHECKING:
    from brainnn.train_config import TeacherConfig
    from neuro_common.runs import Run

__all__ = ["teacher"]


def teacher(config: "TeacherConfig", run: "Run") -> float:
    """Train a teacher and record its walk; returns its native return."""
    from functools import partial

    import torch

    from brainnn.bodies.biped import BipedImitationEnv
    from brainnn.bodies.clip import CLIP_FILE
    from brainnn.learning.evaluation import evaluate, summarise
    from brainnn.learning.teacher_training import lasting_clip, train_teacher
    from brainnn.walk_report import score_lines
    from neuro_common.runs import read_provenance

    torch.set_num_threads(config.threads)
    bar: cli.Progress[int] = cli.progress(config.steps, "teacher", metric="reward")
    done = 0
    with bar:

        def report(steps: int, row: Mapping[str, float]) -> None:
            nonlocal done
            run.log(step=steps, **row)
            bar.show(row["reward"])
            bar.advance(min(steps, config.steps) - done)
            done = min(steps, config.steps)

        trained = train_teacher(config, seed=config.seed, report=report)
    command = str(read_provenance(run.directory)["command"])
    origin = {"command": command, "seed": config.seed}
    trained.save(run.directory, origin)  # it is kept even if none of its walks makes a reference
    clip = lasting_clip(trained.act, config.clip_steps, source=command)
    clip.save(run.directory / CLIP_FILE)
    test = partial(BipedImitationEnv, clip, steps=config.test_steps)
    scores = evaluate(
        trained.act, test, range(config.episodes), steps=config.test_steps, reference=clip
    )
    means = {name: interval.mean for name, interval in summarise(scores).items()}
    trained.save(run.directory, {**origin, "scores": means})
    print("\n".join(score_lines({"teacher": scores})))
    print(f"\nlearning.teacher={run.directory} task.clip={run.directory / CLIP_FILE}")
    return means["native_return"]
