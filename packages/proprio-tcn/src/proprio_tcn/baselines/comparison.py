"""A trained network beside what it has to beat, on the same test movements."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from proprio_tcn.baselines.letters import score_letter_baselines
from proprio_tcn.baselines.probes import linear_probe
from proprio_tcn.baselines.regression import score_bin_regressions, score_pca
from proprio_tcn.tasks.metrics import RegressionTally, TargetScore, beside_outputs, score_table
from proprio_tcn.training.batches import Movements
from proprio_tcn.training.lesson import Evaluation
from proprio_tcn.training.trained import Trained

__all__ = ["Comparison", "compare", "equal_bottlenecks", "target_scores"]


@dataclass(frozen=True, eq=False)
class Comparison:
    """Scores of one task by predictor.

    Attributes:
        targets: Of a regression: predictor to scores of each target, at the times of the outputs of
            networks and, interpolated between them, at every bin; of an autoencoder the latter.
        accuracy: Of letters: predictor to the share of right answers; of redundancy reduction that
            of a linear probe.
    """

    targets: dict[str, list[TargetScore]] = field(default_factory=dict)
    accuracy: dict[str, float] = field(default_factory=dict)

    def without(self, predictors: Collection[str]) -> "Comparison":
        """The scores of all others.

        Args:
            predictors: Names to leave out.
        """
        return Comparison(
            {name: one for name, one in self.targets.items() if name not in predictors},
            {name: one for name, one in self.accuracy.items() if name not in predictors},
        )

    def lines(self) -> list[str]:
        """As they are printed."""
        if self.targets:
            return score_table(self.targets)
        return [f"{name:40s}{score:24.3f} accuracy" for name, score in self.accuracy.items()]

    def columns(self) -> dict[str, list[str | float]]:
        """As a tidy table: predictor, target, unit, where, rmse, r2; or predictor, accuracy."""
        if not self.targets:
            return {"predictor": list(self.accuracy), "accuracy": list(self.accuracy.values())}
        rows = [(name, one) for name, scores in self.targets.items() for one in scores]
        found: dict[str, list[str | float]] = {"predictor": [name for name, _ in rows]}
        for column in ("target", "unit", "where", "rmse", "r2"):
            found[column] = [getattr(one, column) for _, one in rows]
        return found


def equal_bottlenecks(trained: Trained) -> dict[str, tuple[int, int]]:
    """Components and bins of windows with which PCA keeps as many numbers as a trunk gives.

    Those are the numbers of its outputs, or of a bottleneck behind them.

    Args:
        trained: The autoencoder.

    Returns:
        "pca_bins" keeps some of the muscles' numbers at each bin; "pca_windows" sees as many bins
        as are between outputs, and so knows that movements are smooth.
    """
    trunk = trained.network.trunk
    layer, bins = trunk.geometry[-1], trunk.bins
    numbers = trained.network.head_settings.bottleneck or layer.features
    longest = max(n for n in range(1, bins // layer.bins + 1) if bins % n == 0)
    found = {}
    for name, window in (("pca_bins", 1), ("pca_windows", longest)):
        components = numbers * layer.bins * window // bins
        found[name] = min(max(1, components), window * 2 * trunk.muscles), window
    return found


def compare(
    networks: Mapping[str, Trained],
    train: Movements,
    validation: Movements,
    test: Movements,
    *,
    baselines: bool,
    seed: int,
) -> Comparison:
    """Score networks of one task, and what is to be beaten there.

    Args:
        networks: Name to network, at least one; baselines are scored at the times of the first
            one's outputs.
        train: Movements that baselines and probes learn from.
        validation: Movements that choose their settings.
        test: Movements to score.
        baselines: Score the baselines too.
        seed: Of randomised decompositions.
    """
    first = next(iter(networks.values()))
    task, sets = first.task, (train, validation, test)
    found = Comparison()
    for name, one in networks.items():
        if task.head == "project":
            found.accuracy[name] = linear_probe(one, *sets, seed=seed)
            continue
        score = one.evaluate(test)
        if task.is_regression:
            found.targets[name] = target_scores(one, score)
        else:
            found.accuracy[name] = score.metric
    if not baselines or task.head == "project":
        return found
    if task.head == "classify":
        found.accuracy.update(score_letter_baselines(*sets, seed=seed))
    elif task.head == "decode":
        for name, (components, window) in equal_bottlenecks(first).items():
            found.targets[name] = score_pca(
                task, train, test, components=components, window_bins=window
            )
    else:
        found.targets.update(score_bin_regressions(task, *sets, reading=first.reading))
    return found


def target_scores(trained: Trained, score: Evaluation) -> list[TargetScore]:
    """Scores of a regression at the times of its outputs beside those at every bin.

    Args:
        trained: The network; an autoencoder has an output at every bin, and only those scores.
        score: What it reached.

    Raises:
        ValueError: It is no regression.
    """
    if not isinstance(score.tally, RegressionTally) or score.filled is None:
        raise ValueError(f"{trained.task.name} must be a regression to have scores of targets")
    if trained.task.head == "decode":
        # it has an output at every bin
        return score.tally.scores()
    return beside_outputs(score.tally.scores(), score.filled.scores())
