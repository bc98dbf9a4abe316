"""Figures of the population: what is drawn, and the numbers beside it, are what was found."""

import json
from pathlib import Path

import numpy as np
import pytest

from neuro_common.files import read_csv
from neuro_common.plots import new_figure
from neuro_common.rates import RateNetwork
from rhythm_rnn.activity import Activity, excitatory_units, record
from rhythm_rnn.classes import CLASSES, composition
from rhythm_rnn.figures.classes import block_plot, count_plot, phase_plot, write_classes_report
from rhythm_rnn.figures.lesions import lesion_plot, lesion_summary
from rhythm_rnn.figures.raster import raster_plot, write_raster_report
from rhythm_rnn.figures.trajectories import tempo_plot, write_trajectories_report
from rhythm_rnn.lesions import Lesion
from rhythm_rnn.population import lag_order, normalised, peak_lags
from rhythm_rnn.taps import intervals
from rhythm_rnn.trajectories import trajectories


@pytest.fixture(scope="module")
def activity(beating: RateNetwork) -> Activity:
    return record(beating, [1.0], duration_s=2.0, discard_s=1.0)[0]


def column(path: Path, name: str) -> list[float]:
    return [float(cell) for cell in read_csv(path)[name] if cell]


def kinds(run: Path) -> list[str]:
    return [block["kind"] for block in json.loads((run / "report.json").read_text())["blocks"]]


def lesion(target: str, verdicts: tuple[str, ...], change: float = 1.0, **facts: float) -> Lesion:
    means = [100 * change if v == "valid" else np.nan for v in verdicts]
    told = {"control": 0, "dose": 1.0, "units": 3, **facts}
    cues = np.array([0.2, 0.8])
    return Lesion(
        target, int(told["control"]), told["dose"], 3, cues, np.array(means), np.ones(2), verdicts
    )


LESIONS = [
    lesion("intact", ("valid", "valid"), dose=0.0),
    lesion("Tap-E", ("valid", "no rhythm"), 1.1, dose=0.05),
    lesion("Tap-E", ("valid", "valid"), 0.9, dose=0.05, control=1),
    lesion("Tap-I", ("runaway", "runaway"), dose=1.0),
]


def test_a_raster_has_its_numbers_beside_it(
    activity: Activity, beating: RateNetwork, tmp_path: Path
) -> None:
    excitatory = excitatory_units(beating)
    summary = write_raster_report(activity, excitatory, tmp_path, window_s=(0.1, 0.3))
    assert summary[0].startswith("Cue 1: a tap every 69.0 ms (sd 0.0 ms, 28 intervals), valid.")
    assert summary[1:] == [
        "1 of 4 excitatory units are silent.",
        "1 of 4 inhibitory units are silent.",
    ]
    path = tmp_path / "figures" / "raster.csv"
    assert column(path, "time_ms") == list(range(100, 301))
    assert column(path, "output") == pytest.approx(activity.output[100:301])
    taps = activity.taps.time_ms
    assert column(path, "tap_ms") == taps[(taps >= 100) & (taps <= 300)].tolist()
    expected = normalised(activity.rates)[100:301, 4]
    assert column(path, "unit_4") == pytest.approx(expected, abs=1e-4)
    units = read_csv(tmp_path / "units.csv")
    # by the order in which they fire, silent ones last, excitatory before inhibitory
    assert units["unit"] == ["0", "1", "2", "6", "5", "3", "4", "7"]
    assert units["type"] == ["E"] * 4 + ["I"] * 4
    phases = column(tmp_path / "units.csv", "phase")
    assert np.diff(phases[:3]) == pytest.approx([1 / 3, 1 / 3], abs=2e-3)
    assert [cell for cell in units["silent"]] == ["False"] * 3 + ["True"] + ["False"] * 3 + ["True"]
    assert kinds(tmp_path) == ["text", "text", "text", "figure"]
    assert (tmp_path / "figures" / "raster.svg").stat().st_size > 10_000


def test_the_published_order_is_that_of_lags(
    activity: Activity, beating: RateNetwork, tmp_path: Path
) -> None:
    excitatory = excitatory_units(beating)
    write_raster_report(activity, excitatory, tmp_path, compat=True)
    lags = peak_lags(activity.rates, np.rint(activity.tap_samples).astype(int))
    order = lag_order(lags, excitatory)
    assert column(tmp_path / "units.csv", "unit") == order.tolist()
    assert column(tmp_path / "units.csv", "median_lag_ms") == lags[order].tolist()


def test_a_raster_shows_units_from_the_top_and_their_types() -> None:
    _, axes = new_figure()
    rates = np.array([[0.0, 0.5, 1.0], [0.1, 0.6, 0.9]])
    image = raster_plot(axes[0, 0], [0, 1], rates, [2, 0, 1], [True, True, False], [0.5])
    assert image.get_array().tolist() == [[1.0, 0.9], [0.0, 0.1], [0.5, 0.6]]
    strip = axes[0, 0].child_axes[0]
    assert strip.images[0].get_array().ravel().tolist() == [0, 1, 1]
    assert [text.get_text() for text in strip.texts] == ["excitatory", "inhibitory"]


@pytest.mark.parametrize("window", [(0.5, 0.5), (-0.1, 1.0), (5.0, 6.0)])
def test_a_window_without_samples_is_refused(
    window: tuple[float, float], activity: Activity, beating: RateNetwork, tmp_path: Path
) -> None:
    with pytest.raises(ValueError, match=r"window_s must rise within \[0, 2\] s, got"):
        write_raster_report(activity, excitatory_units(beating), tmp_path, window_s=window)


def test_trajectories_have_their_numbers_beside_them(beating: RateNetwork, tmp_path: Path) -> None:
    found = trajectories(record(beating, [0.8, 1.6], duration_s=2.0, discard_s=1.0))
    scan = record(beating, [0.2, 0.8, 1.6], duration_s=2.0, discard_s=1.0, every=None)
    summary = write_trajectories_report(found, scan, tmp_path)
    assert "From cue 0.8 to 1.6 the mean cycle's length goes" in summary[1]
    path = tmp_path / "figures" / "trajectories.csv"
    assert column(path, "pc3_cue_1.6") == found.orbits[1, :, 2].tolist()
    assert column(path, "orbit_length") == found.orbit_length.tolist()
    assert column(path, "length_mean") == found.length_mean.tolist()
    table = read_csv(tmp_path / "intervals.csv")
    assert table["trained"] == ["True", "True", "False"]
    means = [intervals(one.taps.time_ms).mean_ms for one in scan]
    assert [float(cell) for cell in table["iti_ms"]] == means
    assert kinds(tmp_path) == ["text", "text", "figure", "table"]


def test_intervals_are_drawn_by_what_they_are() -> None:
    _, axes = new_figure()
    nan = float("nan")
    asked, untrained, trained, invalid = tempo_plot(
        axes[0, 0],
        [0.1, 0.2, 0.4, 0.9],
        [900.0, 500, nan, 77],
        [True, True, False, False],
        [False, True, True, False],
    )
    assert asked.get_ydata()[0] == pytest.approx(1000)
    assert untrained.get_ydata().tolist() == [900]
    assert trained.get_xdata().tolist() == [0.2]
    assert invalid.get_ydata().tolist() == [77]


def test_classes_have_their_numbers_beside_them(
    activity: Activity, beating: RateNetwork, tmp_path: Path
) -> None:
    weight = beating.effective_weight().detach().numpy()
    found = composition([activity], weight, excitatory_units(beating))
    summary = write_classes_report(found, LESIONS, tmp_path)
    assert summary == [
        "At cue 1: 1 Tap-E, 1 Tap-I, 2 Int-E, 2 Int-I, 2 silent.",
        "Tap-E weaker by 5 %: the interval changes by +10.0 % at cue 0.2; no valid rhythm at cue "
        "0.8.",
        "Tap-I silenced: no valid rhythm is left.",
    ]
    path = tmp_path / "figures" / "classes.csv"
    assert column(path, "rate_Tap-I") == found.rates[:, 1].tolist()
    assert column(path, "summed_weight_from_Int-I") == pytest.approx([-1, -2.25, -0.5, -1.125, 0])
    assert column(path, "unit_phase") == found.phase.tolist()
    assert [column(path, f"units_{name}") for name in CLASSES] == [[1], [1], [2], [2], [2]]
    table = read_csv(tmp_path / "lesions.csv")
    assert table["target"] == ["intact"] * 2 + ["Tap-E"] * 4 + ["Tap-I"] * 2
    assert table["verdict"][2:4] == ["valid", "no rhythm"]
    assert [float(cell) for cell in table["iti_ms"][:3]] == pytest.approx([100, 100, 110])
    assert read_csv(tmp_path / "units.csv")["class_cue_1"][0] == "Tap-E"
    assert kinds(tmp_path) == ["text"] * 3 + ["figure", "figure", "table"]


def test_lesions_are_told_by_cue_and_without_what_is_not_valid() -> None:
    cues, means = np.array([0.2, 0.3, 0.5, 0.8]), np.full(4, 100.0)
    intact = Lesion("intact", 0, 0.0, 0, cues, means, means, ("valid",) * 4)
    verdicts = ("valid", "valid", "invalid", "no rhythm")
    weaker = Lesion("Int-I", 0, 0.05, 3, cues, np.array([90.0, 110, 300, np.nan]), means, verdicts)
    assert lesion_summary([intact, weaker]) == [
        "Int-I weaker by 5 %: the interval changes by -10.0 % at cue 0.2, +10.0 % at cue 0.3; no "
        "valid rhythm at cue 0.5, 0.8."
    ]


def test_without_a_beat_of_the_intact_network_nothing_is_compared() -> None:
    cues, means = np.array([0.2, 0.5]), np.array([700.0, 200])
    intact = Lesion("intact", 0, 0.0, 0, cues, means, means, ("invalid", "valid"))
    one = Lesion("Int-I", 0, 0.05, 3, cues, np.array([450.0, 220]), means, ("valid", "valid"))
    assert lesion_summary([intact, one]) == [
        "The intact network keeps no beat at cue 0.2, where lesions are not compared.",
        "Int-I weaker by 5 %: the interval changes by +10.0 % at cue 0.5.",
    ]
    _, axes = new_figure()
    uncompared, compared = lesion_plot(axes[0, 0], intact, [one])
    assert np.isnan(uncompared.get_ydata()[0])
    assert compared.get_ydata()[0] == pytest.approx(10)


def test_bars_stack_to_all_units() -> None:
    _, axes = new_figure()
    bars = count_plot(axes[0, 0], [0.2, 0.5], [np.array([0, 0, 1, 4]), np.array([0, 2, 3, 3])])
    heights = [[patch.get_height() for patch in group] for group in bars]
    assert heights == [[2, 1], [1, 0], [0, 1], [0, 2], [1, 0]]
    assert [patch.get_y() + patch.get_height() for patch in bars[-1]] == [4, 4]


def test_phases_are_counted_upwards_and_downwards() -> None:
    _, axes = new_figure()
    labels = np.array([0, 0, 1, 2, 3, 4])
    bars = phase_plot(axes[0, 0], [0.01, 0.99, 0.01, 0.3, 0.6, 0.0], labels)
    drawn = [
        {round(patch.get_x(), 3): patch.get_height() for patch in group if patch.get_height()}
        for group in bars
    ]
    assert drawn == [{-0.025: 1, 0.0: 1}, {0.0: -1}, {0.3: 1}, {-0.4: -1}]


def test_blocks_are_drawn_without_what_silent_units_send() -> None:
    _, axes = new_figure()
    summed = np.arange(25.0).reshape(5, 5)
    summed[2] = np.nan
    image = block_plot(axes[0, 0], summed)
    assert image.get_array()[4].tolist() == [20, 21, 22, 23]
    assert len(axes[0, 0].texts) == 16
    assert image.get_clim() == (-23, 23)


def test_lesions_are_drawn_as_changes_and_marks() -> None:
    _, axes = new_figure()
    intact, tap_e, control, tap_i = LESIONS
    marks = lesion_plot(axes[0, 0], intact, [tap_e, control, tap_i])
    heights = [float(mark.get_ydata()[0]) for mark in marks]
    assert heights == pytest.approx([10, 0.04, -10, -10, 0.96, 0.96])
    assert [mark.get_marker() for mark in marks] == ["o", "x", "o", "o", "^", "^"]
    assert marks[2].get_color() == "0.65"
    assert marks[2].get_xdata()[0] > marks[1].get_xdata()[0]
