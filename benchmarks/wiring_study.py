"""The control study: real wirings beside null models of them, taught and self-taught; hours.

    python -m benchmarks.wiring_study run FOLDER --edges EDGES --nodes NODES --worm LIST --jobs 2
    python -m benchmarks.wiring_study tables FOLDER TARGET
    python -m benchmarks.wiring_study restore FOLDER TARGET
    python -m benchmarks.wiring_study page COMPARISONS

`run` goes on where it was stopped: a training that is done is a file in FOLDER. `tables` writes
what the package ships in ``brainnn/reference``, `restore` makes FOLDER of that again, for a study
to go on, `page` prints the table of the docs page from what `brainnn figures wiring` wrote. Null
models are drawn anew for each seed.
"""

import argparse
import json
import tempfile
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from functools import cache
from itertools import product
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np
import torch

from brainnn.analysis.robustness import disturb
from brainnn.analysis.study import CONNECTOMES, GAINS, LEARNINGS
from brainnn.analysis.study import NETWORKS as WIRINGS
from brainnn.connectome.graph import Connectome
from brainnn.connectome.sources import open_connectome
from brainnn.learning.evaluation import evaluate
from brainnn.learning.training import train_walker
from brainnn.learning.walkers import TrainedWalker
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.train_config import (
    NETWORKS,
    BipedTaskConfig,
    DaggerConfig,
    PPOConfig,
    TrainConfig,
)
from neuro_common.files import atomic_path
from neuro_common.runs import read_csv, write_csv

NULLS = ("rewired", "weights", "signs", "random")
ROLES = {"manc": ("interneuron", "motor"), "worm": ("sensory", "motor")}
# Who is taught sees the body and is paid for speed; who teaches itself has a clock and a reference.
TAUGHT = BipedTaskConfig(imitation=0.0, goal=1.0, fall=0.0)
SELF_TAUGHT = BipedTaskConfig(phase=True, imitation=0.8, goal=0.2, max_pose_error=0.6, max_lag=3.0)
ROUNDS, PPO_STEPS = 40, 300_000
RESTART = 34  # rounds after which all environments begin anew: a dip in every curve
EPISODES, EPISODE_STEPS = range(10), 800
# Levels at which a walker of either kind slows but does not always fall.
DISTURBED = {"sensor_noise": 0.05, "motor_noise": 0.2, "lesions": 0.03}
ROUGHNESS = 2.0


@dataclass(frozen=True)
class Arm:
    """What is trained, but for the seed."""

    connectome: str
    network: str
    gains: str
    learning: str


def plan() -> Iterator[tuple[Arm, int]]:
    """What is trained with which seed, in an order that compares all wirings after any stop."""
    for gains, learning, seeds in (
        (("edge", "frozen"), "dagger", range(5)),
        (("edge", "frozen"), "dagger", range(5, 10)),
        (("type_pair",), "dagger", range(5)),
        (("edge",), "ppo", range(5)),
        (("type_pair",), "dagger", range(5, 10)),
    ):
        for seed, gain, connectome in product(seeds, gains, ROLES):
            # a perceptron has no gains: one comparison is enough
            others = (*NULLS, "mlp") if gain == "edge" else NULLS
            for name in ("connectome", *others):
                yield Arm(connectome, name, gain, learning), seed


def config_of(arm: Arm, seed: int) -> TrainConfig:
    """Settings of one training."""
    inputs, outputs = ROLES[arm.connectome]
    network = NETWORKS[arm.network](
        name=arm.network, inputs=inputs, outputs=outputs, gains=arm.gains
    )
    if arm.learning == "dagger":
        return TrainConfig(
            network, TAUGHT, DaggerConfig(rounds=ROUNDS, checkpoint_rounds=RESTART), seed=seed
        )
    return TrainConfig(network, SELF_TAUGHT, PPOConfig(steps=PPO_STEPS), seed=seed)


@cache
def connectome_of(name: str, edges: str, nodes: str, worm: str) -> Connectome:
    """One of the two real ones."""
    if name == "worm":
        return open_connectome("worm", path=worm)
    return open_connectome(edges, nodes=nodes)


def train_one(arm: Arm, seed: int, tables: Mapping[str, str]) -> dict[str, Any]:
    """Train and test one network; everything that is told of it."""
    torch.set_num_threads(1)
    began = time.process_time()
    curve: list[tuple[int, float]] = []
    with tempfile.TemporaryDirectory() as directory:
        walker = train_walker(
            config_of(arm, seed),
            connectome_of(arm.connectome, **tables),
            Path(directory),
            report=lambda step, part, row: curve.append((step, row["reward"])),
        )
    trained = sum(one.numel() for one in walker.core.parameters() if one.requires_grad)
    return {
        **asdict(arm),
        "seed": seed,
        "parameters": trained,
        "steps": curve[-1][0],
        "curve": curve,
        "episodes": list(tested(walker, seed)),
        "cpu_s": time.process_time() - began,
    }


def tested(walker: TrainedWalker, seed: int) -> Iterator[dict[str, Any]]:
    """Episodes of a trained network, intact and disturbed."""
    conditions: dict[str, tuple[Any, float]] = {
        "intact": (walker.controller(), 1.0),
        "terrain": (walker.controller(), ROUGHNESS),
    }
    for kind, level in DISTURBED.items():
        if kind != "lesions" or isinstance(walker.core, ConnectomeRNN):
            act: Any = walker.controller
            conditions[kind] = (disturb(walker.core, act, kind, level, seed), 1.0)  # type: ignore[arg-type]
    for condition, (controller, roughness) in conditions.items():
        make_env = walker.body.test(EPISODE_STEPS, roughness=roughness)
        scores = evaluate(controller, make_env, EPISODES, steps=EPISODE_STEPS)
        for episode in EPISODES:
            row = {name: float(scores[name][episode]) for name in ("speed", "fell", "steps")}
            yield {"condition": condition, "episode": episode, **row}


def run(folder: Path, tables: Mapping[str, str], jobs: int) -> None:
    """Train what is not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    todo = {"_".join((*asdict(arm).values(), str(seed))): (arm, seed) for arm, seed in plan()}
    missing = {name: one for name, one in todo.items() if not (folder / f"{name}.json").is_file()}
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        running = {pool.submit(train_one, *one, tables): name for name, one in missing.items()}
        for done in as_completed(running):
            name, found = running[done], done.result()
            with atomic_path(folder / f"{name}.json") as temporary:
                temporary.write_text(json.dumps(found))
            walked = [row["speed"] for row in found["episodes"] if row["condition"] == "intact"]
            late = np.mean([reward for _, reward in found["curve"][-5:]])
            print(f"{name}: reward {late:.3f}, speed {np.mean(walked):.3f}, {found['cpu_s']:.0f} s",
                  flush=True)  # fmt: skip


def tables(folder: Path, target: Path) -> None:
    """Write what the package ships."""
    runs: dict[str, list[Any]] = {}
    curves: dict[str, list[Any]] = {}
    episodes: dict[str, list[Any]] = {}

    def add(table: dict[str, list[Any]], row: Mapping[str, Any]) -> None:
        for name, value in row.items():
            table.setdefault(name, []).append(value)

    for number, path in enumerate(sorted(folder.glob("*.json"))):
        found = json.loads(path.read_text())
        parts = ("connectome", "network", "gains", "learning", "seed", "parameters", "steps")
        add(runs, {"run": number} | {name: found[name] for name in parts})
        for step, reward in found["curve"]:
            add(curves, {"run": number, "step": step, "reward": round(reward, 4)})
        for row in found["episodes"]:
            whole = {name: int(row[name]) for name in ("episode", "fell", "steps")}
            add(episodes, {"run": number} | row | whole | {"speed": round(row["speed"], 4)})
    for name, table in (("runs", runs), ("curves", curves), ("episodes", episodes)):
        write_csv(target / f"wiring_{name}.csv", table)


def restore(folder: Path, target: Path) -> None:
    """Write the files that tables were made of, but for the processor time."""
    folder.mkdir(parents=True, exist_ok=True)
    runs, curves, episodes = (
        rows_of(target / f"wiring_{name}.csv") for name in ("runs", "curves", "episodes")
    )
    for row in runs:
        number = row.pop("run")
        curve = [[one["step"], one["reward"]] for one in curves if one["run"] == number]
        walked = [one for one in episodes if one["run"] == number]
        walks = [{key: value for key, value in one.items() if key != "run"} for one in walked]
        found = row | {"curve": curve, "episodes": walks}
        name = "_".join(str(row[part]) for part in (*Arm.__annotations__, "seed"))
        with atomic_path(folder / f"{name}.json") as temporary:
            temporary.write_text(json.dumps(found))


def page(path: Path) -> None:
    """Print the comparisons of two outcomes as Markdown; arms of one run are left out."""
    outcomes = {"learning": "reward while learning", "speed": "speed"}
    print("| | runs |", *(f" {name} | real less control (95 % interval) | would have been seen |"
                           for name in outcomes.values()), sep="")  # fmt: skip
    print("|---|---|" + "---|---|---|" * len(outcomes))
    arms: dict[tuple[str, ...], dict[str, dict[str, dict[str, Any]]]] = {}
    for row in rows_of(path):
        if row["outcome"] in outcomes and row["real_runs"] > 1:
            arm = arms.setdefault(
                tuple(row[name] for name in ("connectome", "learning", "gains")), {}
            )
            arm.setdefault(row["control"], {})[row["outcome"]] = row
    for (connectome, learning, gains), controls in arms.items():
        first = next(iter(controls.values()))
        title = f"{CONNECTOMES[connectome]}, {LEARNINGS[learning]}, {GAINS[gains]}"
        means = "".join(f" {first[name]['real_mean']:.3f} | | |" for name in outcomes)
        print(f"| **{title}** | {first['speed']['real_runs']} |{means}")
        for control, found in controls.items():
            cells = "".join(f" {compared(found[name])} |" for name in outcomes)
            print(f"| {WIRINGS[control]} | {found['speed']['control_runs']} |{cells}")


def compared(row: Mapping[str, Any]) -> str:
    """Three cells: the control's mean, the difference with its interval, what would be seen."""
    parts = (f"{row[name]:+.3f}" for name in ("difference", "low", "high"))
    difference = "{} ({} to {})".format(*parts).replace("-", "\N{MINUS SIGN}")
    bold = "**" if row["p_holm"] < 0.05 else ""
    return f"{row['control_mean']:.3f} | {bold}{difference}{bold} | {row['detectable']:.3f}"


def rows_of(path: Path) -> list[dict[str, Any]]:
    """Rows of a table, numbers as such."""
    columns = read_csv(path)
    return [
        dict(zip(columns, map(plain, row), strict=True))
        for row in zip(*columns.values(), strict=True)
    ]


def plain(cell: str) -> Any:
    """A number, if it is one."""
    try:
        return json.loads(cell)
    except json.JSONDecodeError:
        return cell


def main() -> None:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True)
    training = verbs.add_parser("run")
    training.add_argument("folder", type=Path)
    for name in ("--edges", "--nodes", "--worm"):
        training.add_argument(name, required=True)
    training.add_argument("--jobs", type=int, default=1)
    for name in ("tables", "restore"):
        writing = verbs.add_parser(name)
        writing.add_argument("folder", type=Path)
        writing.add_argument("target", type=Path)
    verbs.add_parser("page").add_argument("comparisons", type=Path)
    told = parser.parse_args()
    if told.verb == "page":
        page(told.comparisons)
    elif told.verb == "run":
        paths = {name: getattr(told, name) for name in ("edges", "nodes", "worm")}
        run(told.folder, paths, told.jobs)
    else:
        {"tables": tables, "restore": restore}[told.verb](told.folder, told.target)


if __name__ == "__main__":
    main()
