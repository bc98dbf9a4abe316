"""Agents beside laws on the same ensembles: which one it is alone moves the score by a quarter."""

import re
from collections.abc import Sequence
from pathlib import Path, PurePath
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from neuro_common.plots import new_figure
from neuro_common.runs import write_csv
from neuro_common.stats import bootstrap_crossed
from neuro_common.style import CONTROLLED, PALETTE, STIMULATION, figure_style, save_figure
from rldbs_env.evaluation import Evaluation, mean_interval

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.collections import PathCollection

    from neuro_common.report import Report

__all__ = [
    "add_comparison",
    "agents_and_laws",
    "comparison",
    "paired_points",
    "pairs",
    "short_name",
]

_LONGEST = 24
_SEED = re.compile(r"policy seed -?\d+")

_MEASURES = {
    "s_ratio": "S_ratio over the law's",
    "charge": "charge over the law's",
    "reward": "reward above the law's",
}


def agents_and_laws(evaluation: Evaluation) -> tuple[list[str], list[str]]:
    """Names of the trained controllers, which begin with ``policy``, and of all others."""
    agents = [name for name in evaluation.scores if name.startswith("policy")]
    return agents, [name for name in evaluation.scores if name not in agents]


def short_name(name: str) -> str:
    """A controller's name as figures have room for it: the end of a policy's directory."""
    kind, colon, directory = name.partition(":")
    if len(directory) <= _LONGEST:
        return name
    return f"{kind}{colon}…{PurePath(directory).name[-_LONGEST:]}"


def comparison(evaluation: Evaluation) -> dict[str, list[str]]:
    """One row per law: means over agents and ensembles of the paired ratios, 95 % intervals.

    Agents called ``policy seed 3`` are repeats of one training. Both they and the ensembles are
    resampled (`neuro_common.stats.bootstrap_crossed`); of a single agent the ensembles alone. Any
    other agent has rows of its own, which then begin with its name. A quenched or diverged agent
    counts as zero suppression. A dash stands where the law has a quenched ensemble or costs
    nothing, so that there is no ratio.

    Returns:
        Columns by heading; none without an agent and a law.
    """
    agents, laws = agents_and_laws(evaluation)
    if not agents or not laws:
        return {}
    groups = _repeats(agents)
    rows = [(name, many, law) for name, many in groups.items() for law in laws]
    columns = {"agent": [short_name(name) for name, _, _ in rows]} if len(groups) > 1 else {}
    columns["beside"] = [law for _, _, law in rows]
    for measure, heading in _MEASURES.items():
        columns[heading] = [_cell(evaluation, many, law, measure) for _, many, law in rows]
    return columns


def _repeats(agents: Sequence[str]) -> dict[str, list[str]]:
    """Agents that are one training with several seeds, and each other one by itself."""
    groups: dict[str, list[str]] = {}
    for name in agents:
        groups.setdefault("seeds" if _SEED.fullmatch(name) else name, []).append(name)
    return groups


def _cell(evaluation: Evaluation, agents: Sequence[str], law: str, measure: str) -> str:
    paired = np.array([_paired(evaluation, agent, law, measure) for agent in agents])
    if not np.isfinite(paired).all():
        return "-"
    seed = evaluation.protocol.seed
    if min(paired.shape) > 1:
        mean, low, high = bootstrap_crossed(paired, seed=seed)
    else:
        mean, low, high = mean_interval(paired.ravel(), seed)
    return f"{mean:.3g}" + (f" [{low:.3g}, {high:.3g}]" if low < high else "")


def _paired(evaluation: Evaluation, agent: str, law: str, measure: str) -> NDArray[np.float64]:
    """Agent over law, of rewards agent minus law, shape (ensembles,)."""
    ours, theirs = (_values(evaluation, name, measure) for name in (agent, law))
    if measure == "reward":
        return ours - theirs
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(ours / theirs)


def _values(evaluation: Evaluation, name: str, measure: str) -> NDArray[np.float64]:
    values = np.array([getattr(one, measure) for one in evaluation.scores[name]], dtype=float)
    return np.nan_to_num(values) if measure == "s_ratio" else values


def pairs(evaluation: Evaluation) -> dict[str, list[Any]]:
    """Every agent beside every law on every ensemble, as columns: what `comparison` is made of."""
    agents, laws = agents_and_laws(evaluation)
    columns: dict[str, list[Any]] = {"agent": [], "law": [], "ensemble": []}
    columns |= {name: [] for name in ("s_ratio", "s_ratio_law", *_MEASURES.values())}
    for agent in agents:
        for law in laws:
            n = len(evaluation.scores[agent])
            columns["agent"] += n * [agent]
            columns["law"] += n * [law]
            columns["ensemble"] += [one.ensemble for one in evaluation.scores[agent]]
            columns["s_ratio"] += _values(evaluation, agent, "s_ratio").tolist()
            columns["s_ratio_law"] += _values(evaluation, law, "s_ratio").tolist()
            for measure, heading in _MEASURES.items():
                columns[heading] += _paired(evaluation, agent, law, measure).tolist()
    return columns


def paired_points(ax: "Axes", evaluation: Evaluation) -> list["PathCollection"]:
    """S_ratio of each agent against that of the best law, a point per ensemble.

    Points above the diagonal are ensembles that the agent silences better.

    Returns:
        The points, one collection per agent.
    """
    agents, laws = agents_and_laws(evaluation)
    colours = dict(zip(_repeats(agents), (CONTROLLED, *PALETTE[2:]), strict=False))
    best = max(laws, key=lambda law: float(np.median(_values(evaluation, law, "s_ratio"))))
    theirs = _values(evaluation, best, "s_ratio")
    collections, highest = [], float(theirs.max())
    for number, agent in enumerate(agents):
        ours = _values(evaluation, agent, "s_ratio")
        highest = max(highest, float(ours.max()))
        group = "seeds" if _SEED.fullmatch(agent) else agent
        style: dict[str, Any] = {"color": colours.get(group, "0.5"), "lw": 0}
        if group == "seeds":  # each a little fainter
            style["alpha"] = 0.9 - 0.6 * number / len(agents)
        collections.append(ax.scatter(theirs, ours, s=12, label=short_name(agent), **style))
    if len(colours) > 1:
        ax.legend(loc="lower left", bbox_to_anchor=(0.0, 1.0), borderaxespad=0.2)
    ends = (0.0, 1.05 * (highest if highest > 0 else 1.0))
    ax.plot(ends, ends, color=STIMULATION, linestyle="--", linewidth=0.8)
    ax.set(xlim=ends, ylim=ends, xlabel=f"S_ratio of {best}", ylabel="S_ratio of the agents")
    ax.set_aspect("equal")
    return collections


def add_comparison(report: "Report", evaluation: Evaluation, directory: Path) -> None:
    """Put table and figure into a report, and ``comparison.csv`` and ``pairs.csv`` beside it.

    Nothing happens where there is no agent or no law to compare.
    """
    table = comparison(evaluation)
    if not table:
        return
    agents, _ = agents_and_laws(evaluation)
    several = len(_repeats(agents)) < len(agents)
    n_ensembles = len(evaluation.protocol.ensembles)
    write_csv(directory / "comparison.csv", table)
    write_csv(directory / "pairs.csv", pairs(evaluation))
    who = "the agent" if len(agents) == 1 else f"{len(agents)} agents"
    resampled = "the ensembles, and the seeds of one training, are" if several else "ensembles are"
    report.table(
        table,
        f"Paired comparison: {who} and each law on the same {n_ensembles} ensembles. Means over "
        f"the pairs with 95 % intervals, for which {resampled} resampled.",
    )
    with figure_style():
        figure, axes = new_figure(width_mm=80, height_mm=80)
        paired_points(axes[0, 0], evaluation)
        path = save_figure(figure, directory / "figures" / "paired", pairs(evaluation))
    report.figure(
        path,
        "Each point is an ensemble: its suppression by an agent against that by the best law.",
    )
