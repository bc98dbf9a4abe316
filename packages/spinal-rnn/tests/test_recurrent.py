"""Waveform models: they learn, resume to the bit, and keep regularisers out of every score."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
import torch

from neuro_common.files import FormatError
from spinal_rnn.conditions import Conditions, configuration
from spinal_rnn.lead import SPECIFY_565
from spinal_rnn.models.base import NotFitted
from spinal_rnn.models.recurrent import RecurrentModel
from spinal_rnn.models.recurrent_options import NETWORKS, RecurrentOptions
from spinal_rnn.models.recurrent_training import (
    Lesson,
    Trials,
    build_network,
    hold_out,
    one_cycle,
    penalty,
)

SAMPLES = 50
TINY = RecurrentOptions(units=6, epochs=3, batch=8, seed=2)


def conditions_of(vectors):
    amplitudes = np.tile([1.0, 2.5], len(vectors))
    return Conditions.of(np.repeat(vectors, 2, axis=0), amplitudes, 40.0)


def emg_of(conditions):
    """Responses that follow each pulse and fade, linear in the currents; a last muscle is mute."""
    weights = np.random.default_rng(0).normal(size=(17, 14)) * np.linspace(0.5, 3, 14)
    weights[:, 13] = 0
    time = np.arange(SAMPLES)
    kernel = sum(np.where(time >= t, np.exp(-(time - t) / 8), 0) for t in (20, 45))
    return kernel[None, :, None] * (conditions.currents_ma @ weights)[:, None]


PAIRS = [configuration([i], [j]) for i in range(4) for j in range(4) if i != j]
CONDITIONS = conditions_of(np.stack(PAIRS))
EMG = emg_of(CONDITIONS)


def fitted(options=TINY, emg=EMG, **arguments):
    return RecurrentModel(options).fit(CONDITIONS, emg, **arguments)


def test_the_rate_rises_for_three_tenths_and_falls_for_seven():
    rates = [one_cycle(update, 100) for update in range(100)]
    assert rates[0] == pytest.approx(1 / 25)
    assert rates[15] == pytest.approx((1 + 1 / 25) / 2)
    assert np.argmax(rates) == 30
    assert rates[30] == pytest.approx(1)
    assert rates[65] == pytest.approx((1 + 1e-3) / 2)
    assert rates[99] < 2e-3
    assert one_cycle(0, 1) > 0


def test_regularisers_are_sums_over_every_matrix_as_it_acts():
    options = replace(TINY, l1=0.3, l2=0.7, l2_rate=0.2)
    rates = torch.tensor([[1.0, -3.0]])
    for name in ("LSTM2", "AFEIRNN"):
        network = build_network(replace(options, network=name), 17, 1.0)
        named = dict(network.named_parameters())
        if name == "LSTM2":
            chosen = [named[f"recurrent.weight_{k}_l{n}"] for k in ("ih", "hh") for n in (0, 1)]
            chosen += [named["output.weight"]]
        else:
            off_diagonal = named["recurrent_weight"] * (1 - torch.eye(6))
            chosen = [named["input_weight"], off_diagonal, named["output_weight"]]
        wanted = sum(0.3 * w.abs().sum() + 0.7 * (w**2).sum() for w in chosen) + 0.2 * 5
        assert float(penalty(options, network, rates).detach()) == pytest.approx(
            float(wanted.detach()), rel=1e-6
        )
    assert float(penalty(TINY, network, rates)) == 0


def test_regularisers_act_and_stay_out_of_the_validation():
    curves = {}
    for l2 in (0.0, 1e4):
        curves[l2] = []
        fitted(replace(TINY, l2=l2, network="ARNN"), report=curves[l2].append)
    free, held = curves[0.0], curves[1e4]
    assert held[0].scores == free[0].scores
    assert held[1].train_loss > 100 * held[1].scores["loss"]
    assert held[1].scores != free[1].scores
    assert [point.refused for point in held] == [0] * 4


def lesson_of(options=TINY):
    rng = np.random.default_rng(3)
    inputs, percent = rng.normal(size=(20, 70, 17)), 5 * rng.normal(size=(20, 70, 14))
    trials = Trials(
        torch.from_numpy(inputs).float(),
        torch.from_numpy(percent).float(),
        torch.arange(0, 15),
        torch.arange(15, 20),
    )
    network = build_network(options, 17, 1.0)
    return Lesson(options, network, trials, gain=5.0), network, trials


def test_the_loss_is_the_mean_squared_error_of_a_batch_in_percent():
    lesson, network, trials = lesson_of(replace(TINY, batch=20))
    with torch.no_grad():
        squares = (5 * network(trials.inputs)[0] - trials.percent).square().numpy()
        assert float(lesson.loss(0)) == pytest.approx(squares[:15].mean(), rel=1e-5)
        assert lesson.validate()["loss"] == pytest.approx(squares[15:].mean(), rel=1e-5)


def test_an_epoch_goes_through_the_trials_once_in_its_own_order():
    lesson, _, _ = lesson_of(replace(TINY, batch=4))
    epochs = [torch.cat([lesson._batch(4 * e + k) for k in range(4)]).tolist() for e in range(2)]
    assert [sorted(epoch) for epoch in epochs] == [[*range(15)]] * 2
    assert epochs[0] != epochs[1]
    assert lesson.plan.updates == 12
    assert lesson.plan.clip_norm == 25.0


@pytest.mark.parametrize(
    "options",
    [
        replace(TINY, network="LSTM2"),
        replace(TINY, network="DaleRNN", noise=0.3),
    ],
)
def test_chance_belongs_to_the_update_not_to_the_call(options):
    lesson, _, _ = lesson_of(options)
    before = torch.random.get_rng_state()
    first, again, later = (float(lesson.loss(update).detach()) for update in (0, 0, 2))
    assert first == again
    assert first != later
    assert torch.equal(torch.random.get_rng_state(), before)
    with torch.no_grad():
        assert lesson.validate() == lesson.validate()


@pytest.mark.parametrize("network", ["LSTM2", "AFEIRNN"])
def test_a_training_that_was_cut_off_ends_the_same_to_the_bit(tmp_path, network):
    options = replace(TINY, network=network, noise=0.1 * (network == "AFEIRNN"))
    whole = fitted(options, directory=tmp_path / "whole").predict(CONDITIONS)
    count = 0

    def cut(updates, loss):
        nonlocal count
        count += updates
        if count == 5:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        fitted(options, directory=tmp_path / "cut", advance=cut)
    again = fitted(options, directory=tmp_path / "cut").predict(CONDITIONS)
    assert np.array_equal(again.values, whole.values)
    assert np.array_equal(again.activities, whole.activities)
    other = fitted(replace(options, seed=3)).predict(CONDITIONS)
    assert not np.array_equal(other.values, whole.values)


def test_a_directory_of_another_training_is_refused(tmp_path):
    fitted(directory=tmp_path)
    with pytest.raises(FormatError, match=r"with options.epochs=4, got .* options.epochs=3: give"):
        fitted(replace(TINY, epochs=4), directory=tmp_path)
    with pytest.raises(FormatError, match="must hold a training with trials="):
        fitted(emg=EMG[::-1], directory=tmp_path)


def test_weights_are_those_of_the_best_validation():
    points = []
    emg = np.concatenate([EMG[..., :13], EMG[..., :1]], axis=2)
    model = fitted(replace(TINY, epochs=12, learning_rate=1.0), emg, report=points.append)
    losses = [point.scores["loss"] for point in points]
    assert model.facts["validation_loss"] == min(losses)
    assert model.facts["best_update"] == points[int(np.argmin(losses))].update
    split = hold_out(model.options, CONDITIONS, emg, None)
    wrong = model.predict(CONDITIONS.take(split.test)).values - emg[split.test]
    percent = 100 * wrong / np.abs(emg[split.train]).max((0, 1))
    assert (percent**2).mean() == pytest.approx(min(losses), rel=1e-4)
    assert model.facts["best_update"] < model.facts["updates"]


def test_mirror_images_are_held_out_together():
    left_and_right = np.stack([configuration([k], [16]) for k in (7, 13, 6, 12, 5, 11)])
    conditions = Conditions.of(np.repeat(left_and_right, 3, axis=0), 2.0, 40.0)
    emg = np.ones((18, 5, 14))
    split = hold_out(replace(TINY, held_out=0.3), conditions, emg, SPECIFY_565.mirror)
    groups = conditions.groups(SPECIFY_565.mirror)
    assert len(split.test) == 6
    assert not set(groups[split.test]) & set(groups[split.train])


def test_what_is_held_out_is_as_strong_as_the_rest():
    conditions = conditions_of(np.stack([configuration([k], [16]) for k in range(5)]))
    emg = np.repeat([1.0, 5, 4, 1, 5], 2)[:, None, None] * np.ones((10, 5, 14))
    for seed in range(5):
        split = hold_out(replace(TINY, held_out=0.1, seed=seed), conditions, emg, None)
        assert np.unique(emg[split.test]) == [4.0]


@pytest.mark.parametrize(("network", "least"), [("GRU", 0.5), ("DaleRNN", 0.5)])
def test_it_learns_what_muscles_answer_and_foretells_new_configurations(network, least):
    options = RecurrentOptions(network, units=24, epochs=40, batch=4, learning_rate=0.02)
    model = fitted(options)
    held_out = hold_out(options, CONDITIONS, EMG, None).test
    assert model.score(CONDITIONS.take(held_out), EMG[held_out]) > least
    prediction = model.predict(CONDITIONS)
    assert prediction.values.shape == EMG.shape
    assert prediction.activities.shape == (24, SAMPLES, 24)
    assert not prediction.values[..., 13].any(), "a silent muscle stays exactly 0"


@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_do_not_blow_up(network):
    options = replace(TINY, network=network, units=32, batch=20)
    lesson, module, _ = lesson_of(options)
    lesson.loss(0).backward()
    norm = torch.nn.utils.get_total_norm([value.grad for value in module.parameters()])
    # of an error of one unit of gain, in its square
    assert 0.03 < float(norm) / 25 < 3


def test_a_saved_model_is_the_same_to_the_bit(tmp_path):
    model = RecurrentModel(replace(TINY, network="ASFEIRNN"), mirror=SPECIFY_565.mirror)
    model.fit(CONDITIONS, EMG).save(tmp_path)
    loaded = RecurrentModel.load(tmp_path)
    ours, theirs = model.predict(CONDITIONS), loaded.predict(CONDITIONS)
    assert np.array_equal(ours.values, theirs.values)
    assert np.array_equal(ours.activities, theirs.activities)
    assert loaded.options == model.options
    assert loaded.facts == model.facts
    assert np.array_equal(loaded.mirror, SPECIFY_565.mirror)


def test_options_of_older_files_are_read():
    wanted = RecurrentOptions("RNN", clip_norm=2.0, l2_rate=0.1)
    assert RecurrentOptions.stored({"network": "RNN", "clip": 2.0, "rate": 0.1}) == wanted
    assert RecurrentOptions.stored(asdict(wanted)) == wanted


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"kind": "spinal-rnn/other"}, "must hold a recurrent model of spinal-rnn, got 'spinal-rn"),
        (
            {"channels": 9},
            r"(?s)is no whole recurrent model: .*size mismatch for recurrent.weight_ih_l0",
        ),
        ({"options": {"network": "GRUU"}}, "is no whole recurrent model: network must be one of"),
        ({"gain": None, "samples": None}, "is no whole recurrent model: float"),
    ],
)
def test_models_that_are_none_are_refused(tmp_path, change, message):
    fitted().save(tmp_path)
    path = tmp_path / "manifest.json"
    head = json.loads(path.read_text())
    head["manifest"] |= change
    path.write_text(json.dumps(head))
    with pytest.raises(FormatError, match=message):
        RecurrentModel.load(tmp_path)


def test_a_subclass_may_feed_it_something_else():
    class Sums(RecurrentModel):
        def inputs(self, conditions, samples):
            return super().inputs(conditions, samples)[..., :4].cumsum(axis=1)

    model = Sums(TINY).fit(CONDITIONS, EMG)
    assert model.network.recurrent.input_size == 4
    assert model.predict(CONDITIONS).values.shape == EMG.shape


def test_a_model_that_learnt_nothing_says_so(tmp_path):
    with pytest.raises(NotFitted, match="GRU has learnt nothing yet: call fit first"):
        RecurrentModel().predict(CONDITIONS)
    with pytest.raises(NotFitted):
        RecurrentModel().save(tmp_path)
    assert not [*tmp_path.iterdir()]


def test_what_cannot_be_learnt_is_refused():
    with pytest.raises(ValueError, match=r"target must have shape \(trials, time, 14\)"):
        RecurrentModel().fit(CONDITIONS, EMG[0])
    with pytest.raises(ValueError, match="got 1 of 1 configurations"):
        RecurrentModel().fit(CONDITIONS.take([0, 1]), EMG[:2])
    few = Conditions.of(np.array([-1.0, 0.5, 0.5]), 1.0, 40.0)
    with pytest.raises(ValueError, match=r"conditions must give the 17 channels .* got 3"):
        fitted().predict(few)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"network": "LSMT"}, "network must be one of GRU, LSTM, .*, got 'LSMT'"),
        ({"units": 0}, "units must be at least 1, got 0"),
        ({"learning_rate": 0.0}, "learning_rate must be finite and above 0, got 0.0"),
        ({"l2": -1.0}, "l2 must be finite and at least 0, got -1.0"),
        ({"noise": 0.1}, "noise must be 0 for GRU, got 0.1"),
        ({"held_out": 1.0}, r"held_out must be in \(0, 1\), got 1.0"),
    ],
)
def test_options_out_of_range_are_refused(wrong, message):
    with pytest.raises(ValueError, match=message):
        RecurrentOptions(**wrong)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_trains_and_what_it_learnt_runs_anywhere(tmp_path):
    # else cuDNN rounds factors to ten bits
    with torch.backends.cudnn.flags(enabled=True, allow_tf32=False):
        model = RecurrentModel(TINY, device="cuda").fit(CONDITIONS, EMG, directory=tmp_path / "run")
        found = model.predict(CONDITIONS).values
    model.save(tmp_path / "model")
    here = RecurrentModel.load(tmp_path / "model").predict(CONDITIONS).values
    np.testing.assert_allclose(here, found, atol=1e-4)
    # a finished training is given again, wherever it is asked for
    again = fitted(directory=tmp_path / "run").predict(CONDITIONS).values
    np.testing.assert_allclose(again, found, atol=1e-4)
