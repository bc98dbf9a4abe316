"""How heavy the animal is, as a user says it: what weighs, and what torques come of it."""

from pathlib import Path

import numpy as np
import pytest

from neuro_common.runs import read_config
from proprio_tcn.arms.opening import open_arm
from proprio_tcn.arms.segments import default_segments, moving_masses_kg
from proprio_tcn.cli import main
from proprio_tcn.movements.opening import open_movements


def info(folder: Path, *words: str) -> int:
    return main(["info", *words, f"hydra.run.dir={folder}"])


def test_info_says_what_weighs(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert info(tmp_path / "a", "arm=two_link", "arm_options.body_mass_kg=5") == 0
    told = capsys.readouterr().out
    # Cheng and Scott 2000: 3.6 % of the body, and 2.4 % with 0.8 % of the hand
    assert "for torques, what moves weighs 0.34 kg: upper_arm 0.18 kg, forearm 0.16 kg" in told
    assert info(tmp_path / "b", "arm=human", "arm_options.body_mass_kg=60") == 0
    # Winter 1979: 2.8 %, 1.6 %, 0.6 %
    told = capsys.readouterr().out
    assert "what moves weighs 3 kg: humerus 1.68 kg, ulna 0.96 kg, lunate 0.36 kg" in told
    assert info(tmp_path / "c", "arm=human") == 0
    assert "what moves weighs 4.64 kg: humerus 2 kg, ulna 1.11 kg, scap" in capsys.readouterr().out


def test_what_cannot_be_scaled_is_refused(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert info(tmp_path / "a", "arm=elbow", "arm_options.body_mass_kg=60") == 1
    told = capsys.readouterr().err
    assert "body_mass_kg is for a macaque's arm, two links, or a human arm with the bodies" in told
    assert "got 60 for 'elbow' (human): leave it out for the masses of the file" in told
    for mass in (-5, 0.0, float("nan")):
        with pytest.raises(ValueError, match=f"body_mass_kg must be positive, got {mass}"):
            open_arm("two_link", body_mass_kg=mass)
    with pytest.raises(ValueError, match=r"must be of its kinds, got body_mass_kg='fat'"):
        open_arm("two_link", body_mass_kg="fat")


def test_an_arm_without_a_body_mass_is_as_before() -> None:
    assert moving_masses_kg(open_arm("two_link")) == pytest.approx(
        {"upper_arm": 0.036 * 8, "forearm": 0.032 * 8}
    )
    names = ("humerus", "ulna", "lunate")
    light, heavy = (default_segments(open_arm("human", body_mass_kg=kg)) for kg in (50, 100))
    for name in names:
        np.testing.assert_allclose(light[name].center_m, heavy[name].center_m)
        assert heavy[name].mass_kg == pytest.approx(2 * light[name].mass_kg)


def test_torques_grow_with_the_body(tmp_path: Path) -> None:
    torques = []
    for kg in (4, 8):
        run = tmp_path / str(kg)
        words = ["arm=two_link", "movements=reaches", "writers=3", "shares=[0.4,0.3,0.3]"]
        words += ["start_points=20", "layout=rendered", f"arm_options.body_mass_kg={kg}"]
        assert main(["generate", *words, f"hydra.run.dir={run}"]) == 0
        assert read_config(run)["arm_options"] == {"body_mass_kg": kg}
        movements = open_movements(run / "movements", "test")
        assert movements.origin["arm_options"] == {"body_mass_kg": kg}
        torques.append(movements.trials.torque)
    assert np.abs(torques[1]).max() > 0.1
    # of slender rods, all of it is in proportion
    np.testing.assert_allclose(torques[1], 2 * torques[0], rtol=1e-5, atol=1e-6)
