"""A trained policy in numpy: what it computes, what it refuses, and what comes with the package."""

import json
import math
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from neuro_common.checkpoint import save_checkpoint
from rldbs_env.catalogue import settings_of
from rldbs_env.controllers import make
from rldbs_env.policy import SHIPPED, Policy, load_policy
from rldbs_env.protocol import Protocol, run
from rldbs_env.pulses import biphasic, delta
from rldbs_env.scoring import score
from rldbs_env.sight import PolicyError, window_samples
from rldbs_env.vector import DBSVectorEnv


def small(**changes: Any) -> Policy:
    """Two signals, windows of 6, three lags, 4 hidden units."""
    rng = np.random.default_rng(0)
    layers = [rng.normal(size=shape).astype(np.float32) for shape in ((4, 6), (1, 4))]
    told: dict[str, Any] = {
        "layers": layers, "signals": ("x", "y"), "window": 6, "lags": (0, 2, 5), "kick_scale": 0.5,
    }  # fmt: skip
    return Policy(**told | changes)


def written(directory: Path, policy: Policy, **changes: Any) -> Path:
    save_checkpoint(directory, policy.tensors(), policy.manifest() | changes)
    return directory


def test_the_forward_pass_is_that_of_the_formula() -> None:
    policy = small()
    observation = np.random.default_rng(1).normal(size=12)
    x, y = observation[:6], observation[6:]
    z = [signal[5 - lag] - sum(signal) / 6 for signal in (x, y) for lag in (0, 2, 5)]
    first, last = policy.layers
    hidden = [math.tanh(sum(w * v for w, v in zip(row, z, strict=True))) for row in first]
    wanted = sum(w * h for w, h in zip(last[0], hidden, strict=True))
    kick, memory = policy.predict(observation)
    assert memory is None
    assert kick.shape == (1,)
    assert kick[0] == pytest.approx(0.5 * min(max(wanted, -1), 1), abs=1e-6)


@given(st.floats(-2, 2), st.integers(0, 1000))
def test_it_is_odd_about_the_mean_and_silent_at_rest(level: float, seed: int) -> None:
    policy = small()
    deviation = np.random.default_rng(seed).normal(size=(3, 12))
    windows = deviation.reshape(3, 2, 6)
    deviation = (windows - windows.mean(axis=2, keepdims=True)).reshape(3, 12)
    above, _ = policy.predict(level + deviation)
    below, _ = policy.predict(level - deviation)
    np.testing.assert_allclose(above, -below, atol=1e-5)
    assert np.abs(policy.predict(np.full((3, 12), level))[0]).max() < 1e-5
    assert np.abs(above).max() <= policy.max_kick


def test_samples_are_counted_back_from_the_newest() -> None:
    window = np.array([[[1.0, 2.0, 3.0, 6.0]]])
    np.testing.assert_array_equal(window_samples(window, (0, 3)), [[3.0, -2.0]])


def test_a_stride_thins_a_whole_window_as_the_environment_does() -> None:
    policy = small(window=8, stride=3, lags=(0, 3, 6))
    whole = np.random.default_rng(1).normal(size=(5, 2, 8))
    seen = whole[:, :, [1, 4, 7]]
    kicks, _ = policy.predict(whole.reshape(5, -1))
    np.testing.assert_array_equal(kicks, policy.predict(seen.reshape(5, -1))[0])
    dense = small(layers=policy.layers, window=3, lags=(0, 1, 2))
    np.testing.assert_array_equal(kicks, dense.predict(seen.reshape(5, -1))[0])
    with pytest.raises(ValueError, match=r"observations of 6 features.*window=8, stride=3; got"):
        policy.predict(np.zeros(10))


@pytest.mark.parametrize("stride", [1, 2, 3])
def test_the_environment_of_a_policy_can_be_made_from_it(stride: int) -> None:
    policy = small(stride=stride, lags=(0,), layers=[np.ones((1, 2), np.float32)], pulse=biphasic())
    told = settings_of(policy.environment, n_neurons=5, transient_steps=0, **policy.settings)
    env = DBSVectorEnv(2, **told)
    observation, _ = env.reset(seed=0)
    env.step(policy.predict(observation)[0])
    assert env.settings.shape == biphasic()
    env.close()


def test_other_signals_or_windows_are_refused() -> None:
    wanted = (
        "this policy needs observations of 12 features: make the environment with "
        "signals=('x', 'y'), window=6; got shape (5, 6)"
    )
    with pytest.raises(ValueError, match=re.escape(wanted)):
        small().predict(np.zeros((5, 6)))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"signals": ("z",)}, r"signals must be among \('x', 'y', 'action'\), got \('z',\)"),
        ({"signals": ("x", "countdown")}, "signals must be among"),
        ({"stride": 0}, "lags must be multiples of a stride of at least 1, got .* and stride=0"),
        ({"stride": 2}, r"lags must be multiples .*, got \[0, 2, 5\] and stride=2"),
        ({"lags": (0, 6)}, r"lags must be in \[0, window\) = \[0, 6\), got \[0, 6\]"),
        ({"kick_scale": 0.0}, "kick_scale must be above 0, got 0.0"),
        ({"signals": ("x",)}, r"layer 0 must hold finite weights for 3 inputs \(1 signals, 3 lags"),
        ({"layers": [np.zeros((2, 6), np.float32)]}, "the last layer must have one output, got 2"),
        ({"layers": [np.full((1, 6), np.nan, np.float32)]}, "layer 0 must hold finite weights"),
    ],
)
def test_parts_that_do_not_fit_are_refused(changes: dict[str, Any], message: str) -> None:
    with pytest.raises(PolicyError, match=message):
        small(**changes)


def test_what_is_saved_is_what_is_loaded(tmp_path: Path) -> None:
    policy = small(stride=5, lags=(0, 5, 0), pulse=biphasic(), environment="rldbs/HindmarshRose-v0")
    loaded = load_policy(written(tmp_path, policy))
    assert loaded.pulse.weights == policy.pulse.weights
    observation = np.random.default_rng(1).normal(size=(7, 12))
    np.testing.assert_array_equal(loaded.predict(observation)[0], policy.predict(observation)[0])
    assert loaded.manifest() == policy.manifest()
    assert make(f"policy:{tmp_path}").signals == ("x", "y")


def test_a_manifest_of_the_first_kind_means_single_kicks(tmp_path: Path) -> None:
    written(tmp_path, small())
    path = tmp_path / "manifest.json"
    head = json.loads(path.read_text(encoding="utf-8"))
    for name in ("stride", "pulse", "environment"):
        del head["manifest"][name]
    path.write_text(json.dumps(head), encoding="utf-8")
    loaded = load_policy(tmp_path)
    assert (loaded.stride, loaded.pulse.weights) == (1, delta().weights)
    assert loaded.environment == "rldbs/BvdP-v0"


def test_truncated_weights_are_refused(tmp_path: Path) -> None:
    weights = written(tmp_path, small()) / "weights.safetensors"
    weights.write_bytes(weights.read_bytes()[:-8])
    with pytest.raises(PolicyError, match=r"must have the SHA-256 of its manifest\.json, \w+, got"):
        load_policy(tmp_path)


def test_foreign_files_are_refused(tmp_path: Path) -> None:
    save_checkpoint(tmp_path / "a", {"w": np.ones(3)}, {"kind": "rldbs-env training"})
    with pytest.raises(PolicyError, match="must hold a rldbs-env policy, got 'rldbs-env training'"):
        load_policy(tmp_path / "a")
    shutil.copytree(written(tmp_path / "b", small()), tmp_path / "c")
    (tmp_path / "c" / "manifest.json").write_text("[1, 2", encoding="utf-8")
    with pytest.raises(PolicyError, match="got files that cannot be read as one"):
        load_policy(tmp_path / "c")
    head = json.loads((tmp_path / "b" / "manifest.json").read_text(encoding="utf-8"))
    del head["manifest"]["lags"]
    (tmp_path / "b" / "manifest.json").write_text(json.dumps(head), encoding="utf-8")
    with pytest.raises(PolicyError, match="cannot be read as one: KeyError"):
        load_policy(tmp_path / "b")


def test_weights_for_other_signals_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="layer 0 must hold finite weights for 3 inputs"):
        load_policy(written(tmp_path, small(), signals=["x"]))


def test_a_directory_without_policy_is_named(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=r"a directory without manifest\.json: name"):
        make(f"policy:{tmp_path}")
    with pytest.raises(ValueError, match="policy takes no arguments, got gain"):
        make("policy", gain=1.0)


def test_shipped_policies_go_by_name_and_directories_by_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert list(SHIPPED) == ["bvdp", "charge_balanced", "hindmarsh_rose"]
    for directory in SHIPPED.values():
        assert sum(path.stat().st_size for path in directory.iterdir()) < 5_000_000
    environments = [load_policy(name).environment for name in SHIPPED]
    assert environments == [
        f"rldbs/{n}-v0" for n in ("BvdP", "BvdPChargeBalanced", "HindmarshRose")
    ]
    assert load_policy("bvdp").manifest() == make("policy").manifest()  # type: ignore[attr-defined]
    monkeypatch.chdir(tmp_path)
    written(tmp_path / "bvdp", small())
    assert load_policy("bvdp").window == 250
    assert load_policy("./bvdp").window == load_policy(Path("bvdp")).window == 6


@pytest.mark.parametrize(
    ("name", "steps", "law", "wanted"),
    [
        ("charge_balanced", 2000, make("delayed", gain=-2.0, delay=0), 18),
        ("hindmarsh_rose", 4080, make("linear", gain=-0.4, window=1531), 20),
    ],
)
def test_other_shipped_policies_beat_their_laws_too(
    name: str, steps: int, law: Any, wanted: float
) -> None:
    policy = load_policy(name)
    protocol = Protocol.on(
        policy.environment,
        ensembles=(2000,),
        free_steps=steps // 2,
        controlled_steps=steps,
        recovery_steps=600,
        pulse=policy.pulse,
        dtype="float32",
    )
    (ours,), (theirs,) = (score(run(controller, protocol)) for controller in (policy, law))
    assert ours.s_ratio > max(wanted, theirs.s_ratio)
    assert not ours.quenched
    assert ours.active_fraction > 0.95
    assert ours.mean_shift < 0.05


def test_the_shipped_policy_beats_the_law_on_an_unseen_ensemble() -> None:
    protocol = Protocol(ensembles=(2000, 2001), controlled_steps=6000, recovery_steps=250)
    agent, law = (score(run(make(name), protocol)) for name in ("policy", "linear"))
    for ours, theirs in zip(agent, law, strict=True):
        assert ours.s_ratio > 0.9 * theirs.s_ratio
        assert not ours.quenched
        assert ours.active_fraction > 0.95
        assert ours.mean_shift < 0.05
    assert np.mean([one.s_ratio for one in agent]) > np.mean([one.s_ratio for one in law])
