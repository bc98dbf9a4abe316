"""What the controller of spinal-rnn gains on simulated persons, and its regret beside others'.

``python -m benchmarks.spinal_control`` is a small run; ``--full`` takes five persons, fourteen
muscles and five noise seeds. Each person has a mapping session, an ensemble that is fitted to it,
and, for each target muscle, up to twenty series of ten trials that are measured with noise. What is
recommended is scored on the true late response without noise, as a part of each muscle's full late
response at 20 Hz: the selectivity (difference) with a floor of 0.5, at most 5 mA. The bar is the
best single contact against the case as the truth has it.

Every result is a row of a CSV file, written as soon as it is there; a run that is started again
with the same file goes on.
"""

import argparse
import time
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from neuro_common.files import read_csv, write_csv
from neuro_common.seeding import generator
from neuro_common.stats import bootstrap_mean
from spinal_rnn.control.candidates import evaluate, join
from spinal_rnn.control.limits import Limits
from spinal_rnn.control.model import EnsembleSurrogate
from spinal_rnn.control.objectives import Selectivity
from spinal_rnn.control.regret import Setting, Truth, by_model, by_order, by_process
from spinal_rnn.control.search_space import bipolar, multipolar, single
from spinal_rnn.control.searches import gradient
from spinal_rnn.control.sequential import Plan, SimulatedPerson
from spinal_rnn.control.surrogate import Doubt
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.responses import Responses, measure_responses
from spinal_rnn.simulation.simulator import draw_subject, simulate_session

__all__ = ["main"]

HZ = 20.0
BUDGETS = (5, 10, 20)
LIMITS = Limits(frequencies_hz=(HZ,))
POOL = 100
TUNING, TESTING = 900, 100  # first seeds of the persons: those of tuning are never tested
KAPPAS, SMOOTHINGS_MM = (0.0, 0.5, 1.5), (10.0, 16.0, 25.0)


def sets() -> NDArray[np.float64]:
    """Configurations that every strategy may begin with."""
    drawn = multipolar(SPECIFY_565, LIMITS, 1500, generator(0))
    return np.concatenate([single(LIMITS), bipolar(LIMITS), drawn])


class Person:
    """One simulated person with a fitted surrogate."""

    def __init__(self, seed: int) -> None:
        """Simulate the session and fit the ensemble."""
        self.seed, subject = seed, draw_subject(seed)
        self.subject, self.truth = subject, Truth(subject, HZ)
        self.session: Responses = measure_responses(simulate_session(seed))
        self.surrogate = EnsembleSurrogate.fit(self.session, HZ, RootEnsemble())
        self.sets = sets()
        self.pool, self.bars = cache(self._pool), cache(self._bars)

    def setting(self, muscle: int, noise: int) -> Setting:
        """The search for one muscle under one noise."""
        seed = (self.seed * 100 + muscle) * 100 + noise
        measurer = SimulatedPerson(self.subject, seed)
        objective = Selectivity((muscle,))
        return Setting(self.session, self.surrogate, objective, measurer, LIMITS, budgets=BUDGETS)

    def _pool(self, muscle: int) -> tuple[NDArray[np.float64], Any]:
        """What the model would measure, and its first choice without a measurement."""
        objective = Selectivity((muscle,))
        coarse = evaluate(self.surrogate, objective, self.sets, LIMITS, amplitudes=12)
        climbed = gradient(self.surrogate, objective, LIMITS, coarse.first(16))
        ranked = join([coarse.first(POOL), climbed])
        first = evaluate(self.surrogate, objective, ranked.vectors[:20], LIMITS, amplitudes=50)
        return np.unique(np.concatenate([single(LIMITS), ranked.vectors]).round(6), axis=0), first

    def score(self, muscle: int, conditions: Any) -> float:
        """True selectivity, less the penalty below the floor."""
        return float(Selectivity((muscle,))(self.truth.responses(conditions))[0, 0])

    def _bars(self, muscle: int) -> dict[str, float]:
        """The best single contact and the best of all sets, as the truth has them."""
        objective = Selectivity((muscle,))
        alone = evaluate(self.truth, objective, single(LIMITS), LIMITS, amplitudes=50)
        best = evaluate(self.truth, objective, self.sets, LIMITS, amplitudes=12)
        return {"single": float(alone.mean[0]), "oracle": float(best.mean[0])}


def row_of(
    person: Person, muscle: int, noise: int, tuned: tuple[float, float], chance: bool
) -> dict[str, Any]:
    """All results of one muscle of one person under one noise."""
    (pool, first), bars = person.pool(muscle), person.bars(muscle)
    setting, (kappa, smoothing_mm) = person.setting(muscle, noise), tuned
    found = {
        "model": by_model(setting, pool, Plan(), Doubt()),
        "process": by_process(setting, person.sets, kappa=kappa, smoothing_mm=smoothing_mm),
    }
    if chance:
        drawn = generator(noise, muscle, person.seed).permutation(person.sets)
        found["random"] = by_order(setting, drawn)
        found["grid"] = by_order(setting, bipolar(LIMITS)[:: 240 // max(BUDGETS)])
    row: dict[str, Any] = {"person": person.seed, "muscle": MUSCLES[muscle], "noise": noise}
    row |= bars | {"one_shot": person.score(muscle, first.conditions.take([0]))}
    for name, choices in found.items():
        row |= {f"{name}_{n}": person.score(muscle, one) for n, one in choices.items()}
    return row


def tune(persons: int, muscles: Sequence[int]) -> tuple[float, float]:
    """Kappa and smoothing of the process with the best mean score, on persons of its own."""
    scores: dict[tuple[float, float], list[float]] = {}
    for seed in range(TUNING, TUNING + persons):
        person = Person(seed)
        for muscle in muscles:
            for kappa in KAPPAS:
                for smoothing_mm in SMOOTHINGS_MM:
                    found = by_process(
                        person.setting(muscle, 0),
                        person.sets,
                        kappa=kappa,
                        smoothing_mm=smoothing_mm,
                    )
                    scored = [person.score(muscle, one) for one in found.values()]
                    scores.setdefault((kappa, smoothing_mm), []).append(float(np.mean(scored)))
    for pair, values in scores.items():
        print(f"kappa {pair[0]:g}, smoothing {pair[1]:g} mm: {np.mean(values):.4f}", flush=True)
    return max(scores, key=lambda pair: float(np.mean(scores[pair])))


def report(table: dict[str, list[str]]) -> None:
    """Print gains over the bar, and regret beside the others'."""
    numbers = {
        name: np.array([float(cell or "nan") for cell in cells])
        for name, cells in table.items()
        if name != "muscle"
    }
    bar, oracle = numbers["single"], numbers["oracle"]
    keys = [f"{p}{m}" for p, m in zip(table["person"], table["muscle"], strict=True)]
    print(f"{len(bar)} searches of {len({*keys})} targets of {len({*table['person']})} persons")
    print(f"oracle over the sets: gain {np.mean(oracle - bar):+.4f}")
    print(f"one shot, no measurement: gain {np.mean(numbers['one_shot'] - bar):+.4f}")
    for name in ("model", "process", "random", "grid"):
        for budget in BUDGETS:
            if f"{name}_{budget}" not in numbers:
                continue
            score = numbers[f"{name}_{budget}"]
            there = np.isfinite(score)
            gain = (score - bar)[there]
            line = f"{name} after {budget}: gain {gain.mean():+.4f}, least {gain.min():+.4f}, "
            line += f"{(gain < -0.01).sum()} of {len(gain)} below -.01, "
            improved = 14 * np.mean(gain > 0.02)
            line += f"> .02 on {improved:.1f} of 14, regret {np.mean((oracle - score)[there]):.4f}"
            if name != "model":
                less = (numbers[f"model_{budget}"] - score)[there]
                interval = bootstrap_mean(less, seed=0)
                line += f"; model's regret is lower by {interval.mean:.4f} "
                line += f"[{interval.low:.4f}, {interval.high:.4f}]"
            print(line)


def main(argv: Sequence[str] | None = None) -> None:
    """Run what is asked for and print the summary."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--full", action="store_true", help="5 persons, 14 muscles, 5 noises")
    parser.add_argument("--persons", type=int, default=1)
    parser.add_argument("--muscles", type=int, default=2)
    parser.add_argument("--noises", type=int, default=1)
    parser.add_argument("--tuning", type=int, default=0, help="persons to tune the process on")
    parser.add_argument("--chance", action="store_true", help="random and grid beside")
    parser.add_argument("--kappa", type=float, default=0.0, help="of the process without tuning")
    parser.add_argument("--smoothing-mm", type=float, default=10.0)
    parser.add_argument("--table", type=Path, default=Path("results/spinal_control.csv"))
    told = parser.parse_args(argv)
    torch.set_num_threads(1)
    if told.full:
        told = replace_all(told, persons=5, muscles=14, noises=5, tuning=max(told.tuning, 2))
    chosen = range(0, 14, 14 // told.muscles)[: told.muscles]
    tuned = (told.kappa, told.smoothing_mm)
    if told.tuning:
        tuned = tune(told.tuning, chosen[::4])
    table = read_csv(told.table) if told.table.exists() else {}
    keys = ("person", "muscle", "noise")
    done = {*zip(*(table.get(name, ()) for name in keys), strict=True)}
    person_of = cache(Person)
    begin = time.process_time()
    for noise in range(told.noises):
        for seed in range(TESTING, TESTING + told.persons):
            for muscle in chosen:
                if (str(seed), MUSCLES[muscle], str(noise)) in done:
                    continue
                row = row_of(person_of(seed), muscle, noise, tuned, told.chance)
                for name, value in row.items():
                    table.setdefault(name, []).append(str(value))
                write_csv(told.table, table)
                spent = time.process_time() - begin
                print(f"{seed} {MUSCLES[muscle]} noise {noise}: {spent:.0f} s", flush=True)
    report(table)


def replace_all(told: argparse.Namespace, **values: Any) -> argparse.Namespace:
    """The same arguments with some of them changed."""
    return argparse.Namespace(**(vars(told) | values))


if __name__ == "__main__":
    main()
