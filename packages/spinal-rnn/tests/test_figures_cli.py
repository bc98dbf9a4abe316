"""The verbs that draw, on a small simulated session and small trained weights."""

import json

import numpy as np
import pytest

from neuro_common.files import FormatError
from neuro_common.runs import Run, read_csv
from spinal_rnn import figures_cli
from spinal_rnn.figures_config import (
    BarsConfig,
    HiddenConfig,
    MapsConfig,
    PredictionConfig,
    RecruitmentConfig,
    ReportConfig,
    RootsConfig,
)
from spinal_rnn.mapping import map_configuration
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.models.weights import TrainedEnsemble, save_ensemble
from spinal_rnn.muscles import MUSCLES
from spinal_rnn.predictor import predictor
from spinal_rnn.responses import Scale, measure_responses
from spinal_rnn.scores import pooled_r2
from spinal_rnn.session import read_session
from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.sources import open_session

EASY = {"session": "easy"}


@pytest.fixture
def run(tmp_path, no_drawing):
    with Run.open(
        tmp_path / "run", config={}, distribution="spinal-rnn", verb="figures", command="", seed=0
    ) as one:
        yield one


@pytest.fixture(scope="module")
def ensemble(tmp_path_factory):
    """A few steps of a small ensemble on another scale than the session's."""
    folder = tmp_path_factory.mktemp("ensemble")
    responses = measure_responses(simulate_session(0, "easy"))
    scale = Scale(2 * Scale.fit(responses.late_mv).mv)
    model = RootEnsemble(AnatomicalForm(), members=2, folds=2, updates=40)
    model.fit(responses.conditions, scale.apply(responses.late_mv))
    save_ensemble(folder, TrainedEnsemble(model, scale, {}))
    return folder


@pytest.fixture(scope="module")
def recurrent(tmp_path_factory):
    folder = tmp_path_factory.mktemp("recurrent")
    session = simulate_session(0, "easy")
    options = RecurrentOptions("ARNN", units=8, epochs=1)
    RecurrentModel(options).fit(session.conditions, session.emg).save(folder)
    return folder


def table(run, name):
    return read_csv(run.path("figures", f"{name}.csv"))


def page(run):
    return json.loads(run.path("report.json").read_text())


def column(numbers, name):
    return np.array([one for one in numbers[name] if one], dtype=float)


def test_recruitment_without_weights_draws_fits(run):
    assert figures_cli.recruitment(RecruitmentConfig(**EASY, weights="none"), run) is None
    numbers = table(run, "recruitment")
    mapping = map_configuration(open_session("easy"))
    np.testing.assert_allclose(column(numbers, "measured_LMG"), mapping.trials.response[:, 5])
    assert any(name.endswith("threshold_ma") for name in numbers)
    assert run.path("report.html").exists()
    assert "There is no prediction." in page(run)["blocks"][0]["text"]


def test_predictions_are_on_the_scale_of_the_session(run, ensemble):
    score = figures_cli.recruitment(RecruitmentConfig(**EASY, weights=str(ensemble)), run)
    mapping = map_configuration(open_session("easy"))
    model = predictor(mapping, str(ensemble))
    late = model.late(mapping.trials.conditions)
    assert score == pytest.approx(pooled_r2(mapping.trials.response, late.values))
    direct = model.roots.model.predict(mapping.trials.conditions)
    np.testing.assert_allclose(late.values, 2 * direct.values)
    np.testing.assert_allclose(late.high - late.low, 2 * (direct.high - direct.low))
    hz = mapping.trials.conditions.frequency_hz[0]
    low = column(table(run, "recruitment"), f"curve_{hz:g}_hz_RSol_low")
    assert (low <= column(table(run, "recruitment"), f"curve_{hz:g}_hz_RSol")).all()
    assert f"Predictions are those of {ensemble}" in page(run)["blocks"][0]["text"]


def test_bars_return_the_largest_selectivity(run, ensemble):
    best = figures_cli.bars(BarsConfig(**EASY, weights=str(ensemble), floor=0.2), run)
    index = table(run, "selectivity")
    drawn = np.concatenate([column(index, f"bar_{name}") for name in MUSCLES])
    assert best == pytest.approx(np.nanmax(drawn))
    responses = table(run, "bars")
    assert len(column(responses, "predicted_LIl")) == len(column(responses, "bar_LIl"))


def test_maps_cover_their_ranges(run, ensemble):
    config = MapsConfig(**EASY, weights=str(ensemble), points=4, frequency_range_hz=[25.0, 55.0])
    assert figures_cli.maps(config, run) is not None
    numbers = table(run, "maps")
    assert sorted(set(column(numbers, "map_frequency_hz"))) == [25, 35, 45, 55]
    assert sorted(set(column(numbers, "map_amplitude_ma"))) == pytest.approx(
        [0.25, 1.8333333, 3.4166667, 5]
    )
    assert set(column(numbers, "measured_frequency_hz")) <= {20, 30, 40, 60, 80}


def test_maps_without_weights_are_measured(run):
    assert figures_cli.maps(MapsConfig(**EASY, weights="none"), run) is None
    assert not [name for name in table(run, "maps") if name.startswith("measured")]


def test_the_trial_is_the_nearest(run, recurrent):
    config = PredictionConfig(**EASY, weights=str(recurrent), amplitude_ma=100.0)
    score = figures_cli.prediction(config, run)
    mapping = map_configuration(open_session("easy"))
    trial = int(page(run)["blocks"][1]["caption"].split("trial ")[1].split()[0])
    assert trial in mapping.chosen
    amplitude = mapping.session.conditions.amplitude_ma
    assert amplitude[trial] == amplitude[mapping.chosen].max()
    session = mapping.session
    largest = np.abs(session.emg[:, :, 0]).max()
    numbers = table(run, "prediction")
    measured = column(numbers, "measured_LIl")
    np.testing.assert_allclose(measured, 100 * session.emg[trial, :, 0] / largest, rtol=1e-5)
    names = [name.removeprefix("measured_") for name in numbers if name.startswith("measured_")]
    pair = [
        np.stack([column(numbers, f"{kind}_{name}") for name in names], axis=1)[None]
        for kind in ("measured", "predicted")
    ]
    assert score == pytest.approx(pooled_r2(*pair))


def test_late_responses_have_no_waveform(run, ensemble):
    with pytest.raises(ValueError, match=r"needs a model of waveforms.*give weights=fit"):
        figures_cli.prediction(PredictionConfig(**EASY, weights=str(ensemble)), run)


def test_a_recurrent_model_foretells_late_responses_too(recurrent):
    mapping = map_configuration(open_session("easy"))
    model = predictor(mapping, str(recurrent))
    assert model.late(mapping.trials.conditions).values.shape == mapping.trials.response.shape
    assert model.root_heights_mm() is None


def test_roots_are_compared_with_the_truth(run, ensemble):
    error = figures_cli.roots(RootsConfig(**EASY, weights=str(ensemble), n_amplitudes=3), run)
    numbers = table(run, "roots")
    names = [name.removeprefix("true_") for name in numbers if name.startswith("true_")]
    learnt, true = (
        np.stack([column(numbers, f"{kind}_{name}") for name in names])
        for kind in ("learned", "true")
    )
    assert true.shape == (14, 3)
    assert error == pytest.approx(np.abs(learnt - true).mean())
    session = open_session("easy")
    mapping = map_configuration(session)
    last = mapping.chosen[mapping.trials.conditions.amplitude_ma.argmax()]
    np.testing.assert_allclose(true[:, -1], session.truth["recruited"].data[last])


def test_roots_of_a_measured_session_need_a_model(run, tmp_path):
    from dataclasses import replace

    path = tmp_path / "measured.h5"
    replace(simulate_session(0, "easy"), truth={}).write(path)
    assert not read_session(path).truth
    with pytest.raises(ValueError, match="a model that has some, or in a simulated session"):
        figures_cli.roots(RootsConfig(session=str(path), weights="none"), run)


def test_hidden_draws_four_figures(run, recurrent):
    config = HiddenConfig(**EASY, weights=str(recurrent), frequencies_hz=[40.0, 80.0])
    closure = figures_cli.hidden(config, run)
    drawn = {path.stem for path in run.path("figures", "x").parent.glob("*.png")}
    assert drawn == {"orbits", "activity", "leak", "weights"}
    found = column(table(run, "orbits"), "trained_closure")
    assert closure == pytest.approx(np.nanmean(found))
    texts = " ".join(block.get("caption", "") for block in page(run)["blocks"])
    assert "a matching period says nothing of learning" in texts


def test_hidden_refuses_weights_of_another_kind(run, ensemble):
    with pytest.raises(FormatError, match="must hold a recurrent model"):
        figures_cli.hidden(HiddenConfig(**EASY, weights=str(ensemble)), run)


def test_hidden_trains_a_network_if_there_is_none(run):
    config = HiddenConfig(**EASY, network="RNN", units=6, epochs=1, frequencies_hz=[40.0])
    assert figures_cli.hidden(config, run) > 0
    assert "RNN of 6 units" in page(run)["blocks"][0]["text"]
    assert len(table(run, "loss")["held_out_loss"]) == 2


def test_the_report_has_tables_figures_and_the_note(run, ensemble):
    assert figures_cli.report(ReportConfig(**EASY, weights=str(ensemble)), run) is not None
    told = page(run)
    assert told["title"] == "spinal-rnn: a mapping session of the simulated person easy 0"
    blocks = told["blocks"]
    assert "no medical device" in blocks[0]["text"]
    assert "100 trials" in blocks[1]["text"]
    kinds = [block["kind"] for block in blocks]
    assert (kinds.count("table"), kinds.count("figure")) == (3, 4)
    for name in ("quality", "thresholds", "selectivity"):
        assert len(read_csv(run.path(f"{name}.csv"))["muscle"]) == 14
    html = run.path("report.html").read_text()
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert html.count("data:image/png;base64") == 4


def test_the_model_that_is_fitted_never_saw_what_is_drawn(monkeypatch):
    from spinal_rnn.models import waveform

    seen = []

    def learn(self, conditions, target):
        seen.append(conditions)
        self.scale = Scale.fit(np.ones((1, 14)))
        return self

    monkeypatch.setattr(waveform.WaveformModel, "fit", learn)
    mapping = map_configuration(open_session("easy"))
    predictor(mapping, "fit")
    mirror = mapping.session.lead.mirror
    for vector in (mapping.vector, mapping.vector[mirror]):
        assert not (np.abs(seen[0].configuration - vector).max(axis=1) < 1e-6).any()
    assert len(seen[0]) == len(mapping.others)


@pytest.mark.parametrize(
    ("config", "options", "message"),
    [
        (RecruitmentConfig, {"theme": "sepia"}, "theme must be light or dark, got 'sepia'"),
        (ReportConfig, {"threads": 0}, "threads must be at least 1, got 0"),
        (ReportConfig, {"floor": -0.1}, "floor must be at least 0, got -0.1"),
        (
            BarsConfig,
            {"selectivity": "best"},
            "selectivity must be difference, share or legacy, got 'best'",
        ),
        (BarsConfig, {"floor": -1.0}, "floor must be at least 0, got -1.0"),
        (
            MapsConfig,
            {"amplitude_range_ma": [2.0, 1.0]},
            r"amplitude_range_ma must be \[lowest, highest\]",
        ),
        (MapsConfig, {"points": 1}, "points must be at least 2, got 1"),
        (RootsConfig, {"n_amplitudes": 0}, "n_amplitudes must be at least 1, got 0"),
        (HiddenConfig, {"frequencies_hz": [40.0, 20.0]}, "frequencies_hz must rise, got"),
    ],
)
def test_wrong_options_are_refused(config, options, message):
    with pytest.raises(ValueError, match=message):
        config(**options)


def test_a_verb_as_it_is_typed(tmp_path, spinal):
    done = spinal(tmp_path, "figures", "roots", "session=easy", "weights=none", "theme=dark")
    assert done.returncode == 0, done.stderr
    (folder,) = (tmp_path / "results" / "spinal-rnn" / "figures_roots").iterdir()
    drawn = {path.name for path in (folder / "figures").iterdir()}
    assert drawn == {"roots.png", "roots.svg", "roots.csv"}
    assert (folder / "report.html").exists()
