"""The reflex of least squares against dense linear algebra, and EMG foretold for new trials."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.checkpoint import save_checkpoint
from neuro_common.files import FormatError
from spinal_rnn.conditions import Conditions, parse_configuration
from spinal_rnn.emg import Normaliser
from spinal_rnn.models.anatomical import AnatomicalForm
from spinal_rnn.models.base import NotFitted
from spinal_rnn.models.ensemble import RootEnsemble
from spinal_rnn.models.hybrid import HybridModel
from spinal_rnn.models.recurrent_options import RecurrentOptions
from spinal_rnn.models.recurrent_training import hold_out
from spinal_rnn.models.waveform import Reflex, WaveformModel, fit_reflex, pulse_sizes, spline_basis
from spinal_rnn.session import Session
from spinal_rnn.simulation.simulator import simulate_session
from spinal_rnn.splits import Split, by_trial


def damaged(directory: Path, part: str) -> Path:
    """The directory with another kind of model in a part of it."""
    save_checkpoint(directory / part, {"weight": np.zeros(3)}, {"kind": "another"})
    return directory


def lags(period_ms: float) -> np.ndarray:
    pulse_ms = np.arange(0.0, 180.0, period_ms)
    return np.arange(-20.0, 180.0) - pulse_ms[:, None]


def test_splines_sum_to_one_where_they_count() -> None:
    lag_ms = np.linspace(-5, 60, 400)
    total = spline_basis(lag_ms, 4.0, 50.0, 1.0).sum(axis=-1)
    inside = (lag_ms >= 4) & (lag_ms < 50)
    np.testing.assert_allclose(total[inside], 1, atol=1e-12)
    assert not total[~inside].any()


def test_the_reflex_is_that_of_dense_least_squares() -> None:
    rng = np.random.default_rng(0)
    parts = []
    for period_ms in (50.0, 12.5, 1e3 / 60):
        lag_ms = lags(period_ms)
        sizes = rng.random((6, len(lag_ms), 14))
        parts.append((lag_ms, sizes, rng.normal(size=(6, 200, 14))))
    found = fit_reflex(iter(parts)).weight
    for muscle in (0, 13):
        designs = [
            np.einsum("nk,kts->nts", sizes[..., muscle], spline_basis(lag_ms, 4.0, 50.0, 1.0))
            for lag_ms, sizes, _ in parts
        ]
        design = np.concatenate([one.reshape(-1, one.shape[-1]) for one in designs])
        target = np.concatenate([emg[..., muscle].ravel() for *_, emg in parts])
        ridge = np.sqrt(1e-3 * np.mean(np.sum(design**2, axis=0))) * np.eye(design.shape[1])
        rows = np.concatenate([design, ridge]), np.concatenate([target, np.zeros(len(ridge))])
        np.testing.assert_allclose(found[:, muscle], np.linalg.lstsq(*rows)[0], atol=1e-10)


def test_a_known_reflex_is_found_between_the_samples() -> None:
    rng = np.random.default_rng(1)
    weight = rng.normal(size=(49, 14))
    truth = Reflex(weight, 4.0, 50.0, 1.0)
    lag_ms = lags(1e3 / 60)
    sizes = rng.random((40, len(lag_ms), 14))
    emg = np.einsum("nkm,ktm->ntm", sizes, truth.at(lag_ms))
    found = fit_reflex(iter([(lag_ms, sizes, emg)])).at(lag_ms)
    np.testing.assert_allclose(found, truth.at(lag_ms), atol=0.02 * abs(weight).max())


def test_a_silent_muscle_has_no_reflex() -> None:
    lag_ms = lags(50.0)
    sizes = np.ones((2, len(lag_ms), 14))
    sizes[..., 3] = 0
    emg = np.ones((2, 200, 14))
    assert not fit_reflex(iter([(lag_ms, sizes, emg)])).weight[:, 3].any()
    with pytest.raises(ValueError, match="at least one trial to fit"):
        fit_reflex(iter([]))


@pytest.fixture(scope="module")
def session() -> Session:
    return simulate_session(0, "easy")


@pytest.fixture(scope="module")
def split(session: Session) -> Split:
    return by_trial(session.conditions, seed=0)


@pytest.fixture(scope="module")
def fitted(session: Session, split: Split) -> WaveformModel:
    train = session.take(split.train)
    model = WaveformModel(200, ensemble=RootEnsemble(members=4, folds=2, updates=200))
    return model.fit(train.conditions, train.emg)


def test_emg_is_foretold_for_trials_that_were_not_learnt_from(
    session: Session, split: Split, fitted: WaveformModel
) -> None:
    test = session.take(split.test)
    assert fitted.score(test.conditions, test.emg) > 0.9
    predicted = fitted.predict(test.conditions)
    assert predicted.values.shape == test.emg.shape
    assert predicted.activities is not None
    assert predicted.activities.shape == (len(test), 14)
    # nothing answers before the first pulse and a latency of 4 ms
    assert not predicted.values[:, :24].any()


def test_a_model_comes_back_to_the_bit(
    session: Session, fitted: WaveformModel, tmp_path: Path
) -> None:
    fitted.save(tmp_path)
    again = WaveformModel.load(tmp_path).predict(session.conditions)
    np.testing.assert_array_equal(again.values, fitted.predict(session.conditions).values)
    with pytest.raises(FormatError, match="must hold an ensemble"):
        WaveformModel.load(damaged(tmp_path, "responses"))
    fitted.save(tmp_path)
    with pytest.raises(FormatError, match="must hold reflexes"):
        WaveformModel.load(damaged(tmp_path, "reflex"))


def test_nothing_is_foretold_or_saved_before_a_fit(session: Session, tmp_path: Path) -> None:
    for model in (WaveformModel(200), HybridModel(WaveformModel(200))):
        with pytest.raises(NotFitted, match="call fit first"):
            model.predict(session.conditions)
        with pytest.raises(NotFitted, match="call fit first"):
            model.save(tmp_path)


def test_a_hybrid_begins_as_its_front_and_keeps_what_helps(
    session: Session, split: Split, tmp_path: Path
) -> None:
    train, test = session.take(split.train), session.take(split.test)
    ensemble = RootEnsemble(members=2, folds=1, updates=60)
    options = RecurrentOptions(units=8, epochs=3)
    hybrid = HybridModel(WaveformModel(200, ensemble=ensemble), options, mirror=session.lead.mirror)
    losses: list[float] = []
    hybrid.fit(
        train.conditions, train.emg, report=lambda point: losses.append(point.scores["loss"])
    )
    inside = hold_out(options, train.conditions, train.emg, session.lead.mirror)
    front = WaveformModel(200, ensemble=RootEnsemble(members=2, folds=1, updates=60))
    front.fit(train.conditions.take(inside.train), train.emg[inside.train])
    # before the first update there is no correction: the loss is the front's own
    missed = train.emg[inside.test] - front.predict(train.conditions.take(inside.test)).values
    percent = Normaliser.fit(train.emg[inside.train]).percent(missed)
    assert losses[0] == pytest.approx(np.mean(percent**2), rel=1e-4)
    alone = hybrid.front.score(test.conditions, test.emg)
    assert hybrid.score(test.conditions, test.emg) > alone - 0.02
    hybrid.save(tmp_path)
    again = HybridModel.load(tmp_path).predict(test.conditions)
    np.testing.assert_array_equal(again.values, hybrid.predict(test.conditions).values)
    with pytest.raises(FormatError, match="must hold a hybrid model"):
        HybridModel.load(damaged(tmp_path, "."))


def test_responses_shrink_from_pulse_to_pulse_and_recover_in_longer_gaps(session: Session) -> None:
    ensemble = RootEnsemble(members=2, folds=1, updates=30)
    late = np.random.default_rng(0).random((len(session), 14))
    ensemble.fit(session.conditions, late)
    one = Conditions.of(parse_configuration("cath2_an16"), 4, 40)
    sizes = pulse_sizes(ensemble, one, np.array([0.0, 25, 50, 5000]))[0]
    assert (np.diff(sizes[:3], axis=0) < 0).all()
    np.testing.assert_allclose(sizes[3], sizes[0], rtol=1e-3)


def test_what_does_not_fit_is_refused(session: Session) -> None:
    with pytest.raises(ValueError, match="target must have 100 samples, got 200"):
        WaveformModel(100).fit(session.conditions, session.emg)
    flat = RootEnsemble(AnatomicalForm(depression=False), members=1, folds=1, updates=1)
    with pytest.raises(ValueError, match="need an AnatomicalForm with depression"):
        WaveformModel(200, ensemble=flat).fit(session.conditions, session.emg)
