"""Explained variance by model, layer and lag: from tables to figures."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import FormatError, read_csv, write_csv
from neuro_common.plots import new_figure
from neuro_common.stats import bootstrap_mean
from proprio_tcn.figures.prediction import draw_lags, draw_prediction, layer_plot, rank_plot
from proprio_tcn.figures.tables import (
    Explained,
    chosen_models,
    colour_of,
    limits,
    read_ceilings,
    read_explained,
    read_lags,
)
from proprio_tcn.figures_config import PredictionFigureConfig

MODELS = {  # name: kind in the table, task, layers
    "limb position": ("kinematic", None, ("limb position",)),
    "hand_position net 0": ("spatial", "hand_position", ("spatial_1", "spatial_2")),
    "untrained net 0": ("spatial", "untrained", ("spatial_1", "spatial_2")),
    "data-driven net": ("data-driven", None, ("prediction",)),
}
NEURONS = 12


def write_tables(folder: Path, *, oracle: bool = True) -> dict[tuple[str, str], list[float]]:
    """Tables as `predict` leaves them; the first layer of networks is the best."""
    rng = np.random.default_rng(0)
    values: dict[tuple[str, str], list[float]] = {}
    rows, layers = [], []
    for number, (model, (kind, _, names)) in enumerate(MODELS.items()):
        for place, layer in enumerate(names):
            test_ev = (0.1 * number + 0.05 * place + 0.02 * rng.normal(size=NEURONS)).tolist()
            values[model, layer] = test_ev
            rows += [(model, layer, f"n{n}", one) for n, one in enumerate(test_ev)]
            depth = place + 1 if len(names) > 1 else 0
            layers.append((model, layer, depth, kind, place == 0))
    header = ("model", "layer", "neuron", "test_ev")
    write_csv(folder / "neurons.csv", dict(zip(header, zip(*rows, strict=True), strict=True)))
    header = ("model", "layer", "depth", "kind", "best")
    write_csv(folder / "layers.csv", dict(zip(header, zip(*layers, strict=True), strict=True)))
    networks = {name: task for name, (_, task, _) in MODELS.items() if task}
    write_csv(folder / "models.csv", {"model": [*networks], "task": [*networks.values()]})
    nan = float("nan")
    ceilings = {"neuron": ["n0", "n1"], "condition_ceiling": [nan, nan]}
    write_csv(folder / "ceilings.csv", ceilings | ({"oracle_ev": [0.5, 0.7]} if oracle else {}))
    return values


@pytest.fixture
def blank(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "matplotlib.figure.Figure.savefig", lambda _, path, **__: path.write_bytes(b"")
    )


def test_tables_are_read_as_layers(tmp_path: Path) -> None:
    values = write_tables(tmp_path)
    found = read_explained(tmp_path)
    assert [one.kind for one in found] == [
        *("linear", "trained", "trained", "untrained", "untrained", "data-driven")
    ]
    assert [one.task for one in found][:2] == ["linear", "hand_position"]
    assert [one.depth for one in found] == [0, 1, 2, 1, 2, 0]
    assert [one.best for one in found] == [True, True, False, True, False, True]
    for one in found:
        assert one.test_ev.tolist() == values[one.model, one.layer]
    assert read_ceilings(tmp_path) == {"the true rates": pytest.approx(0.6)}
    write_tables(tmp_path, oracle=False)
    assert read_ceilings(tmp_path) == {}
    # of networks that came as activations the table may know nothing: their names do
    write_csv(tmp_path / "models.csv", {"model": ["other"], "task": ["torque"]})
    assert [one.kind for one in read_explained(tmp_path)] == [one.kind for one in found]


def test_intervals_are_a_bootstrap_over_neurons(tmp_path: Path) -> None:
    values = write_tables(tmp_path)["limb position", "limb position"]
    wanted = bootstrap_mean(values, confidence=0.9, n_resamples=2000, seed=3)
    assert limits(np.array(values), 0.9, 3) == wanted
    alone = limits(np.array([0.25]), 0.9, 3)
    assert alone.mean == 0.25
    assert np.isnan(alone.low)


def test_the_best_of_each_task_is_listed_first() -> None:
    def one(model: str, task: str, ev: float, best: bool = True) -> Explained:
        return Explained(model, "layer", 1, "trained", task, best, np.full(3, ev))

    layers = [
        *(one("a", "hand", 0.5), one("b", "hand", 0.4), one("c", "limb", 0.1)),
        one("d", "limb", 0.9, best=False),
    ]
    assert [model.model for model in chosen_models(layers, 2)] == ["a", "c"]
    assert [model.model for model in chosen_models(layers, 9)] == ["a", "b", "c"]


def test_models_are_ranked_and_layers_joined(tmp_path: Path) -> None:
    values = write_tables(tmp_path)
    layers = read_explained(tmp_path)
    _, axes = new_figure(1, 2)
    rows = rank_plot(axes[0, 0], chosen_models(layers, 10))
    assert rows["model"] == [*reversed(MODELS)]
    means = [
        float(np.mean(values[pair])) for pair in zip(rows["model"], rows["layer"], strict=True)
    ]
    assert rows["test_ev"] == pytest.approx(means)
    low, high = np.array(rows["test_ev_low"]), np.array(rows["test_ev_high"])
    assert (low < means).all()
    assert (high > means).all()
    lines = layer_plot(axes[0, 1], layers)
    assert len(lines) == 4  # two networks, each with its best layer
    drawn = [np.mean(values["untrained net 0", f"spatial_{n}"]) for n in (1, 2)]
    assert np.asarray(lines[2].get_ydata()).tolist() == pytest.approx(drawn)
    assert np.asarray(lines[3].get_xdata()).tolist() == [1]
    assert lines[2].get_color() == colour_of("untrained")


def test_what_explains_less_than_nothing_is_written_at_the_edge() -> None:
    layers = [
        Explained(name, "l", 1, "untrained", "untrained", True, np.array([ev, ev + 0.02]))
        for name, ev in (("good", 0.5), ("poor", -1.2))
    ]
    _, axes = new_figure(1, 2)
    rows = rank_plot(axes[0, 0], layers)
    assert rows["test_ev"] == pytest.approx([0.51, -1.19])
    assert [one.get_text() for one in axes[0, 0].texts] == [" -1.19"]
    assert len(axes[0, 0].lines) == 2
    assert axes[0, 0].get_xlim()[0] >= -0.2
    layer_plot(axes[0, 1], layers)
    assert axes[0, 1].get_ylim()[0] == -0.2


def test_a_thicket_of_networks_goes_back() -> None:
    layers = [
        Explained(f"n {n}", f"l{depth}", depth, "trained", "torque", depth == 2, np.full(3, ev))
        for n in range(13)
        for depth, ev in enumerate((0.2, 0.3), start=1)
    ]
    _, axes = new_figure(1, 2)
    lines = layer_plot(axes[0, 0], layers)
    assert (lines[0].get_alpha(), lines[0].get_marker()) == (0.3, "None")
    assert (lines[1].get_alpha(), lines[1].get_marker()) == (None, "o")
    few = layer_plot(axes[0, 1], layers[:-2])
    assert (few[0].get_alpha(), few[0].get_marker()) == (None, "o")


def test_the_figure_keeps_its_numbers(tmp_path: Path, blank: None) -> None:
    write_tables(tmp_path)
    layers = read_explained(tmp_path)
    stem = tmp_path / "figures" / "prediction"
    draw_prediction(layers, read_ceilings(tmp_path), stem, models=2)
    table = read_csv(stem.with_suffix(".csv"))
    assert [one for one in table["model"] if one] == ["data-driven net", "untrained net 0"]
    assert len([one for one in table["along_layer"] if one]) == 6
    assert float(table["ceiling_the_true_rates"][0]) == pytest.approx(0.6)
    assert stem.with_suffix(".png").exists()
    assert stem.with_suffix(".svg").exists()


def test_linear_models_alone_have_one_panel(tmp_path: Path, blank: None) -> None:
    write_tables(tmp_path)
    linear = [one for one in read_explained(tmp_path) if one.kind == "linear"]
    draw_prediction(linear, {}, tmp_path / "linear")
    assert read_csv(tmp_path / "linear.csv")["model"] == ["limb position"]


def test_lag_curves_peak_where_cross_validation_says(tmp_path: Path, blank: None) -> None:
    assert read_lags(tmp_path) == []
    rows = [
        (
            model,
            lag,
            f"n{n}",
            0.5 - 0.01 * abs(lag - best) + 0.1 * n,
            0.4 - 0.02 * abs(lag) + 0.1 * n,
        )
        for model, best in (("early", -5), ("late", 5))
        for lag in (5, -5, 0)
        for n in range(3)
    ]
    header = ("model", "lag_bins", "neuron", "fold_ev", "test_ev")
    write_csv(tmp_path / "lags.csv", dict(zip(header, zip(*rows, strict=True), strict=True)))
    early, late = read_lags(tmp_path)
    assert early.lag_bins.tolist() == [-5, 0, 5]
    assert (early.best_bins, late.best_bins) == (-5, 5)
    np.testing.assert_allclose(late.test_ev[2], [0.5, 0.6, 0.5])
    draw_lags([early, late], tmp_path / "figure")
    table = read_csv(tmp_path / "figure.csv")
    assert table["lag_ms"] == ["-50", "0", "50"] * 2
    assert [float(one) for one in table["test_ev"][:3]] == pytest.approx([0.4, 0.5, 0.4])
    assert table["best"] == ["True", "False", "False", "False", "False", "True"]


def test_missing_tables_are_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"`proprio-tcn predict`, but it .* no neurons.csv"):
        read_explained(tmp_path)
    write_tables(tmp_path)
    (tmp_path / "models.csv").unlink()
    with pytest.raises(FileNotFoundError, match=r"holds no models.csv"):
        read_explained(tmp_path)
    write_tables(tmp_path)
    write_csv(tmp_path / "layers.csv", {"model": ["a"], "layer": ["b"]})
    with pytest.raises(FormatError, match="got none called depth, kind, best"):
        read_explained(tmp_path)
    header = {"model": ["a"], "layer": ["b"], "depth": [0], "kind": ["spatial"], "best": [True]}
    write_csv(tmp_path / "layers.csv", header)
    with pytest.raises(FormatError, match=r"neurons.csv must have rows of a, b, got none: predict"):
        read_explained(tmp_path)


def test_wrong_options_are_refused() -> None:
    with pytest.raises(ValueError, match="rows must be at least 1, got 0"):
        PredictionFigureConfig(rows=0)
    with pytest.raises(ValueError, match=r"confidence must be in \(0, 1\), got 95"):
        PredictionFigureConfig(confidence=95)
