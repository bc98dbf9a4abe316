"""`train` for models that foretell the EMG itself."""

from pathlib import Path
from typing import TYPE_CHECKING, cast

from neuro_common import cli

if TYPE_CHECKING:
    from neuro_common.runs import Run
    from neuro_common.training import Point
    from spinal_rnn.model_config import TrainConfig
    from spinal_rnn.models.hybrid import HybridModel
    from spinal_rnn.models.recurrent import RecurrentModel
    from spinal_rnn.models.waveform import WaveformModel
    from spinal_rnn.session import Session
    from spinal_rnn.waveform_config import RecurrentConfig

__all__ = ["train_waveforms"]


def train_waveforms(config: "TrainConfig", run: "Run") -> float | None:
    """Fit a model of waveforms and save it; returns its pooled R2 on the held-out trials."""
    import numpy as np

    from spinal_rnn.emg import Normaliser
    from spinal_rnn.scores import pooled_r2
    from spinal_rnn.sources import open_session
    from spinal_rnn.splits import by_configuration, mirror_of

    session = open_session(config.session, config.session_seed)
    train, test = session, None
    if config.held_out:
        mirror = mirror_of(session.lead)
        split = by_configuration(session.conditions, mirror, config.held_out, seed=config.seed)
        train, test = session.take(split.train), session.take(split.test)
    model = _fitted(config, run, train)
    model.save(run.directory)
    metric = None
    if test is not None:
        # muscles count alike, whatever their electrodes
        percent = Normaliser.fit(train.emg).percent
        predicted = model.predict(test.conditions).values
        metric = pooled_r2(percent(test.emg.astype(np.float64)), percent(predicted))
        print(
            f"{config.model.name}: pooled R2 of the EMG {metric:.3f} on the {split.name} split; "
            f"{len(train)} trials learnt from, {len(test)} held out"
        )
    print(f"weights={run.directory}")
    return metric


def _fitted(
    config: "TrainConfig", run: "Run", train: "Session"
) -> "WaveformModel | RecurrentModel | HybridModel":
    import numpy as np

    from spinal_rnn.models.hybrid import HybridModel
    from spinal_rnn.models.making import make_ensemble
    from spinal_rnn.models.recurrent import RecurrentModel
    from spinal_rnn.models.waveform import WaveformModel
    from spinal_rnn.responses import late_ms
    from spinal_rnn.splits import mirror_of
    from spinal_rnn.waveform_config import HybridConfig, ReflexConfig

    emg, lead = train.emg.astype(np.float64), train.lead
    chosen = config.model if isinstance(config.model, ReflexConfig) else ReflexConfig()
    ensemble = make_ensemble(chosen, lead, late_ms=late_ms(train), seed=config.seed)
    reflex = WaveformModel(emg.shape[1], train.fs_hz, train.lead_in_ms, ensemble=ensemble)
    if isinstance(config.model, ReflexConfig):
        return reflex.fit(train.conditions, emg)
    settings = cast("RecurrentConfig", config.model)
    options, mirror = settings.options(config.seed), mirror_of(lead)
    model: RecurrentModel | HybridModel
    if isinstance(config.model, HybridConfig):
        model = HybridModel(reflex, options, mirror=mirror)
    else:
        model = RecurrentModel(
            options, fs_hz=train.fs_hz, lead_in_ms=train.lead_in_ms, mirror=mirror
        )
    bar: cli.Progress[int] = cli.progress(options.epochs, "train", metric="loss")
    with bar:

        def report(point: "Point") -> None:
            run.log(step=point.update, train_loss=point.train_loss, loss=point.scores["loss"])
            bar.show(point.scores["loss"])
            if point.update:
                bar.advance()

        model.fit(train.conditions, emg, directory=Path(run.directory), report=report)
    return model
