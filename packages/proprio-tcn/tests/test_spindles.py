"""Spindle encoders against closed forms, and their noise against what renewal theory says."""

from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from proprio_tcn.spindles.encoders import (
    SpindleSettings,
    afferent_rates,
    deepdraw_rate,
    delayed,
    encode,
    prochazka_rate,
    raw_kinematics,
    rest_length_mm,
    secondary_rate,
)
from proprio_tcn.spindles.spike_trains import count_spikes, gaussian_rate

finite = st.floats(-500, 500, allow_nan=False, width=32)


@pytest.mark.parametrize(
    ("velocity", "wanted"), [(32.0, 116.4), (-32.0, 47.6), (1.0, 86.3), (0.0, 82.0)]
)
def test_the_power_law_has_the_published_values(velocity, wanted):
    assert prochazka_rate(np.array(0.0), np.array(velocity)) == pytest.approx(wanted, abs=1e-12)


@given(finite, finite)
def test_the_power_law_is_odd_in_velocity_and_two_per_mm(d, v):
    at = prochazka_rate(np.array(d), np.array(v)) - 82
    assert at == pytest.approx(-(prochazka_rate(np.array(-d), np.array(-v)) - 82), abs=1e-9)
    alone = prochazka_rate(np.array(0.0), np.array(v)) - 82
    assert at - alone == pytest.approx(2 * d, abs=1e-9)
    assert abs(alone) == pytest.approx(4.3 * abs(v) ** 0.6, abs=1e-9)
    assert alone * v >= 0


def test_tensors_go_through_the_same_code_with_their_gradient():
    torch = pytest.importorskip("torch")
    d = torch.tensor([1.0, -2.0], dtype=torch.float64, requires_grad=True)
    v = torch.tensor([32.0, -10.0], dtype=torch.float64, requires_grad=True)
    rate = prochazka_rate(d, v)
    rate.sum().backward()
    wanted = prochazka_rate(d.detach().numpy(), v.detach().numpy())
    assert rate.detach().numpy() == pytest.approx(wanted, rel=1e-12)
    assert d.grad.tolist() == [2.0, 2.0]
    assert v.grad.numpy() == pytest.approx(4.3 * 0.6 * np.array([32.0, 10.0]) ** -0.4, rel=1e-12)
    assert secondary_rate(d).tolist() == [93.5, 53.0]


def test_deepdraw_differentiates_the_length_twice_over():
    length = np.array([[100.0, 100.5, 101.0, 101.5]])  # 50 mm/s at 10 ms
    assert deepdraw_rate(length) == pytest.approx(2 * 0.5 + 4.3 * 50**0.6)
    slower = deepdraw_rate(length, sample_s=0.015)
    assert slower == pytest.approx(2 * 0.5 + 4.3 * (0.5 / 0.015) ** 0.6)
    assert deepdraw_rate(length + 40) == pytest.approx(deepdraw_rate(length))
    assert deepdraw_rate(-length) == pytest.approx(-deepdraw_rate(length))
    with pytest.raises(ValueError, match=r"at least 2 bins, got the shape \(3, 1\)"):
        deepdraw_rate(np.zeros((3, 1)))


def test_raw_kinematics_is_the_published_layout():
    length, velocity = np.arange(6.0).reshape(2, 3), np.ones((2, 3))
    both = raw_kinematics(length, velocity)
    assert both.shape == (2, 3, 2)
    assert np.array_equal(both[..., 0], length)
    with pytest.raises(ValueError, match=r"one shape, got \(2, 3\) and \(2, 2\)"):
        raw_kinematics(length, velocity[:, :2])


@given(arrays(np.float64, (3, 5), elements=finite), arrays(np.float64, (3, 5), elements=finite))
def test_fibres_never_fire_below_zero_or_beyond_their_ceiling(d, v):
    settings = SpindleSettings("afferents", ceiling_hz=300)
    for rate in afferent_rates(d, v, settings):
        assert rate.min() >= 0
        assert rate.max() <= 300
    primary, _ = afferent_rates(d, v, settings)
    free = prochazka_rate(d, v)
    inside = (free > 0) & (free < 300)
    assert primary[inside] == pytest.approx(free[inside])


def test_conduction_delays_each_class_by_its_own_time():
    step = np.where(np.arange(40) < 20, 0.0, 4.0)[None]
    settings = SpindleSettings("afferents", path_m=1.8, ia_speed_m_s=90.0, ii_speed_m_s=45.0)
    primary, secondary = afferent_rates(step, np.zeros_like(step), settings)
    assert primary[0, [21, 22]].tolist() == [82.0, 90.0]
    assert secondary[0, [23, 24]].tolist() == [80.0, 134.0]
    ramp = delayed(np.arange(10.0), 0.025)
    assert ramp[3:] == pytest.approx(np.arange(3, 10) - 2.5)
    assert ramp[0] == 0.0


def test_length_at_rest_is_that_of_the_middle_posture():
    coordinates = [SimpleNamespace(low_rad=0.0, high_rad=1.0, default_rad=0.1)]
    arm = SimpleNamespace(
        name="one",
        muscles=("a", "b"),
        coordinates=coordinates,
        pose=lambda q: SimpleNamespace(muscle_length_m=q * np.array([[0.2, -0.1]]) + 0.3),
    )
    assert rest_length_mm(arm) == pytest.approx([400.0, 250.0])
    assert rest_length_mm(arm, "default") == pytest.approx([320.0, 290.0])
    with pytest.raises(ValueError, match=r"posture must be middle or default, got 'zero'"):
        rest_length_mm(arm, "zero")
    arm.muscles = ()
    with pytest.raises(ValueError, match=r"arm 'one' has no muscles"):
        rest_length_mm(arm)


@pytest.mark.parametrize("cv", [0.25, 0.064, 0.7])
def test_gamma_spikes_have_the_rate_and_the_regularity_asked_for(cv):
    rate = np.full((400, 500), 80.0)
    counts = count_spikes(rate, np.random.default_rng(1), interval_cv=cv)
    per_trial = counts.sum(axis=1)
    assert counts.mean() / 0.01 == pytest.approx(80.0, rel=0.01)
    assert counts[:, :5].mean() / 0.01 == pytest.approx(80.0, rel=0.1)  # steady from the start
    # variance of an equilibrium renewal count (Cox 1962): CV^2 m + (1 - CV^4) / 6 + ...
    wanted = cv**2 * 400 + (1 - cv**4) / 6
    assert per_trial.var() == pytest.approx(wanted, rel=0.25)


def test_spikes_follow_a_rate_that_changes_and_never_one_that_is_zero():
    rate = np.zeros((300, 100))
    rate[:, 50:] = np.linspace(0, 200, 50)
    counts = count_spikes(rate, np.random.default_rng(2), interval_cv=0.3)
    assert counts[:, :50].sum() == 0
    assert counts.mean(axis=0)[50:] == pytest.approx(rate[0, 50:] * 0.01, abs=0.12)
    assert counts.sum(axis=1).mean() == pytest.approx(rate[0].sum() * 0.01, rel=0.01)
    assert count_spikes(np.zeros((2, 9)), np.random.default_rng(0), interval_cv=0.3).sum() == 0


def test_poisson_counts_have_their_mean_as_variance_and_fibres_add_up():
    rate = np.full((200, 400), 60.0)
    counts = count_spikes(rate, np.random.default_rng(3), fibres=4)
    assert counts.mean() == pytest.approx(2.4, rel=0.01)
    assert counts.var() == pytest.approx(2.4, rel=0.02)
    regular = count_spikes(rate[:20], np.random.default_rng(3), fibres=4, interval_cv=0.1)
    assert regular.mean() == pytest.approx(2.4, rel=0.01)


def test_gaussian_noise_has_the_spread_of_the_counts():
    rate = np.full((400, 400), 100.0)
    noisy = gaussian_rate(rate, 0.25, 4, np.random.default_rng(4))
    assert noisy.mean() == pytest.approx(100.0, abs=0.3)
    assert noisy.std() == pytest.approx(0.25 * np.sqrt(100 / 0.01 / 4), rel=0.02)
    assert gaussian_rate(np.zeros(50), 0.25, 1, np.random.default_rng(0)).max() == 0.0


@pytest.mark.parametrize(
    ("settings", "channels"),
    [
        (SpindleSettings(), ("length (mm)", "velocity (mm/s)")),
        (SpindleSettings("prochazka"), ("Ia (impulses/s)",)),
        (SpindleSettings("deepdraw"), ("Ia (impulses/s)",)),
        (SpindleSettings("afferents", "gaussian"), ("Ia (impulses/s)", "II (impulses/s)")),
        (SpindleSettings("afferents", "gamma"), ("Ia (impulses/bin)", "II (impulses/bin)")),
        (SpindleSettings("prochazka", "poisson"), ("Ia (impulses/bin)",)),
    ],
)  # fmt: skip
def test_encode_gives_the_channels_it_names_and_the_same_for_a_seed(settings, channels):
    rng = np.random.default_rng(0)
    spindle = np.stack(
        [100 + 5 * rng.standard_normal((2, 3, 40)), 30 * rng.standard_normal((2, 3, 40))], axis=-1
    )
    options = {"rest_mm": np.full(3, 100.0)}
    first = encode(spindle, settings, rng=np.random.default_rng(7), **options)
    assert settings.channels == channels
    assert first.shape == (2, 3, 40, len(channels))
    assert np.array_equal(first, encode(spindle, settings, rng=np.random.default_rng(7), **options))
    if settings.noise != "none":
        other = encode(spindle, settings, rng=np.random.default_rng(8), **options)
        assert not np.array_equal(first, other)


def test_encode_of_a_known_muscle():
    spindle = np.array([[[104.0, 32.0], [97.0, -32.0]]])
    got = encode(spindle, SpindleSettings("afferents"), rest_mm=[100.0])
    assert got[0, 0].tolist() == pytest.approx([124.4, 134.0])
    assert got[0, 1].tolist() == pytest.approx([41.6, 39.5])
    scaled = encode(spindle, SpindleSettings("afferents", length_scale=2.0), rest_mm=[100.0])
    assert scaled[0, 0].tolist() == pytest.approx([82 + 4 + 4.3 * 16**0.6, 107.0])
    only = encode(spindle, SpindleSettings("prochazka"), rest_mm=[100.0])
    assert only[..., 0] == pytest.approx(got[..., 0])


def test_bad_input_is_refused_with_what_to_do():
    good = np.zeros((1, 4, 2))
    with pytest.raises(ValueError, match=r"encoder must be one of kinematics, .*, got 'spikes'"):
        SpindleSettings("spikes")
    with pytest.raises(ValueError, match=r"noise must be one of none, .*, got 'loud'"):
        SpindleSettings("afferents", "loud")
    with pytest.raises(ValueError, match=r"noise=poisson needs the rate of a fibre, which encoder"):
        SpindleSettings("kinematics", "poisson")
    with pytest.raises(ValueError, match=r"fibres must be at least 1, got 0"):
        SpindleSettings(fibres=0)
    with pytest.raises(ValueError, match=r"ia_interval_cv must be above 0, got -1"):
        SpindleSettings(ia_interval_cv=-1)
    with pytest.raises(ValueError, match=r"path_m must be at least 0, got -1"):
        SpindleSettings(path_m=-1)
    with pytest.raises(ValueError, match=r"shape \(..., muscles, bins, 2\), got \(3, 4\)"):
        encode(np.zeros((3, 4)), SpindleSettings())
    with pytest.raises(ValueError, match=r"spindle must be finite: fill or mask its gaps"):
        encode(good * np.nan, SpindleSettings())
    with pytest.raises(ValueError, match=r"rest_mm must tell each muscle's length at rest"):
        encode(good, SpindleSettings("prochazka"))
    with pytest.raises(ValueError, match=r"rest_mm must be 1 finite lengths, .*, got shape \(2,\)"):
        encode(good, SpindleSettings("prochazka"), rest_mm=[1.0, 2.0])
    with pytest.raises(ValueError, match=r"noise=gamma needs rng"):
        encode(good, SpindleSettings("prochazka", "gamma"), rest_mm=[0.0])
    with pytest.raises(ValueError, match=r"rate_hz must be finite and at least 0"):
        count_spikes(np.array([-1.0]), np.random.default_rng(0))
    with pytest.raises(ValueError, match=r"interval_cv and bin_s must be above 0"):
        count_spikes(np.array([1.0]), np.random.default_rng(0), interval_cv=0)
    with pytest.raises(ValueError, match=r"delay_s must be at least 0, got -0.1"):
        delayed(np.zeros(3), -0.1)


@pytest.mark.parametrize("encoder", ["prochazka", "afferents"])
def test_delay_is_a_time_whatever_the_bins(encoder: str) -> None:
    settings = SpindleSettings(encoder=encoder, path_m=1.0, ia_speed_m_s=50.0, ii_speed_m_s=50.0)
    stretch = np.where(np.arange(200) < 100, 0.0, 1.0)
    spindle = np.stack([stretch, np.zeros(200)], axis=-1)[None]
    for bin_s, late in ((0.01, 2), (0.001, 20)):
        rates = encode(spindle, settings, rest_mm=np.zeros(1), bin_s=bin_s)
        for channel in rates[0].T:
            assert np.flatnonzero(channel > channel[0])[0] == 100 + late
