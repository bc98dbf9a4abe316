"""Pulse widths and bursts are kept apart: no curve, table, score or model mixes them unseen."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from spinal_rnn.cli import main
from spinal_rnn.conditions import Conditions, parse_configuration, stack
from spinal_rnn.control.gaussian_process import series_values
from spinal_rnn.control.objectives import Selectivity
from spinal_rnn.figures.shown import Trials
from spinal_rnn.mapping import amplitude_grid, map_configuration
from spinal_rnn.models.baselines import baseline
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.models.weights import TrainedEnsemble, check_pulses, save_ensemble
from spinal_rnn.recruitment import recruitment_table
from spinal_rnn.responses import Scale
from spinal_rnn.session import Session
from spinal_rnn.session_report import lowest_thresholds, most_selective
from spinal_rnn.simulation.simulator import draw_subject, measure, simulate_session

MA = np.arange(0.5, 5.01, 0.5)


def series(width_us: float, half_ma: float, pulses: int = 1, name: str = "cath4_an16") -> Trials:
    """A noise-free series of one configuration, all muscles alike."""
    conditions = Conditions.of(parse_configuration(name), MA, 20.0, width_us, pulses)
    return Trials(conditions, np.tile((MA**4 / (MA**4 + half_ma**4))[:, None], (1, 14)))


def joined(*parts: Trials) -> Trials:
    return Trials(stack([one.conditions for one in parts]), np.vstack([one[1] for one in parts]))


@pytest.fixture(scope="module")
def session() -> Session:
    """Two trials in three have pulses of 500 us, the third the usual 300 us."""
    drawn = simulate_session(3, "easy").conditions
    width_us = np.where(np.arange(len(drawn)) % 3 == 0, 300.0, 500.0)
    return measure(draw_subject(3, "easy"), replace(drawn, pulse_width_us=width_us), 3)


def test_a_configuration_is_drawn_with_its_commonest_pulses(session: Session) -> None:
    mapping = map_configuration(session)
    assert set(mapping.trials.conditions.pulse_width_us) == {500.0}
    of_it = (session.conditions.configuration == mapping.vector).all(axis=1)
    assert mapping.left_out == of_it.sum() - len(mapping.chosen) > 0
    assert set(amplitude_grid(mapping.trials).pulse_width_us) == {500.0}
    stimulated = mapping.stimulated([1.0, 2.0], 40.0)
    assert stimulated.pulse_width_us.tolist() == [500, 500]
    assert not set(mapping.others) & set(np.flatnonzero(of_it))


def test_a_figures_model_is_fitted_to_trials_with_as_many_pulses(session: Session) -> None:
    pulses = np.where(np.arange(len(session)) % 5 == 0, 2, 1)
    mixed = replace(session, conditions=replace(session.conditions, pulses=pulses), truth={})
    mapping, plain = map_configuration(mixed), map_configuration(session)
    assert mapping.name == plain.name
    assert mapping.others.tolist() == [one for one in plain.others if pulses[one] == 1]


def test_a_figure_says_which_pulses_it_leaves_out(
    session: Session, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str], no_drawing: None,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    session.write("session.h5")
    assert main(["figures", "recruitment", "session=session.h5", "weights=none"]) == 0
    left_out = map_configuration(session).left_out
    wanted = f"Pulses are of 500 us, 1 in a burst; {left_out} trials with others are not drawn."
    assert wanted in capsys.readouterr().out


def test_curves_and_tables_are_of_one_kind_of_pulse() -> None:
    mixed = joined(series(200, 3.0), series(500, 1.5), series(200, 2.0, pulses=2))
    table = recruitment_table(*mixed, n_resamples=5)
    kinds = zip(table["pulse_width_us"][::14], table["pulses"][::14], strict=True)
    assert [*kinds] == [(200, 1), (200, 2), (500, 1)]
    found = [table["threshold_ma"][row] for row in (0, 14, 28)]
    np.testing.assert_allclose(found, np.array([3.0, 2.0, 1.5]) * 9**-0.25, rtol=1e-3)
    lowest = lowest_thresholds(mixed)
    assert lowest["pulse width (us)"][0] == 500
    assert lowest["threshold (mA)"][0] == pytest.approx(1.5 * 9**-0.25, rel=1e-3)
    assert most_selective(mixed, floor=0.5)["pulse width (us)"] == [500] * 14
    values = series_values(*mixed, Selectivity((0,)))
    assert sorted(values.pulse_width_us) == [200, 200, 500]


def test_root_models_refuse_bursts_that_they_do_not_see(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    one, two = series(300, 2.0), series(300, 2.0, pulses=2, name="cath5_an16")
    mixed = joined(one, two)
    with pytest.raises(ValueError, match="pulses must be the same in all trials, got 1, 2"):
        RootEnsemble(members=1, folds=1, updates=1).fit(*mixed)
    model = RootEnsemble(members=1, folds=1, updates=1).fit(*two)
    trained = TrainedEnsemble(model, Scale(np.ones(14)), {"pulses": 2})
    check_pulses(trained, two.conditions)
    with pytest.raises(ValueError, match="trial 0: pulses must be 2, as in the trials that"):
        check_pulses(trained, one.conditions)
    check_pulses(replace(trained, facts={}), mixed.conditions)
    save_ensemble(tmp_path / "weights", trained)
    (tmp_path / "wanted.csv").write_text(
        "amplitude_ma,frequency_hz,configuration\n1,20,cath4_an16\n"
    )
    words = ("predict", f"weights={tmp_path}/weights", f"conditions={tmp_path}/wanted.csv")
    assert main([*words, f"hydra.run.dir={tmp_path}/run"]) == 1
    assert "trial 0: pulses must be 2" in capsys.readouterr().err


def test_baselines_see_pulse_widths_where_they_differ() -> None:
    names = [f"cath{number}_an16" for number in range(6)]
    wide, narrow = (
        joined(*(series(width, half, name=name) for name in names))
        for width, half in ((200, 3.0), (500, 1.5))
    )
    mixed = joined(wide, narrow)
    model = baseline("kernel_ridge").fit(*mixed)
    assert model.score(*mixed) > 0.9
    # the same rows as before where there is one width: nothing is added
    alone = baseline("ridge").fit(*wide)
    other = replace(wide.conditions, pulse_width_us=np.full(len(wide.conditions), 999.0))
    np.testing.assert_array_equal(
        alone.predict(wide.conditions).values, alone.predict(other).values
    )


def test_networks_refuse_widths_that_are_one_sample_alike(session: Session) -> None:
    model = RecurrentModel(RecurrentOptions(units=2, epochs=1))
    with pytest.raises(ValueError, match="got 300 to 500: at 1000 samples per s they are one sam"):
        model.fit(session.conditions, session.emg.astype(float))
    # two samples are not one: at 10 kHz 300 us are three samples, 500 us five
    wide = RecurrentModel(fs_hz=10_000.0).inputs(session.conditions.take([0, 1]), 300)
    assert [int((abs(one) > 0).any(axis=1).sum()) for one in wide] == [3, 5]
