"""What the verbs on neurons can be told, as plain dataclasses."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from proprio_tcn.neural.controls import CONTROLS
from proprio_tcn.neural.protocol import Protocol, Reaching

__all__ = ["ActivationsConfig", "CompareConfig", "NeuronsConfig", "PredictConfig"]


@dataclass
class NeuronsConfig:
    """The neurons of the embedded session, from a known encoding model.

    Attributes:
        variables: What they encode, names of kinematic variables.
        n_neurons: How many.
        link: "softplus" or "identity".
        bias: Of the softplus.
        gain: Modulation.
        rate_hz: Mean rate.
        lag_bins: How long they come after the arm.
        trial_gain_sd: Spread of the logarithm of a gain shared in each trial.
        noise_correlation: Between neurons.
    """

    variables: list[str] = field(
        default_factory=lambda: ["hand", "elbow", "hand_velocity", "elbow_velocity"]
    )
    n_neurons: int = 40
    link: str = "softplus"
    bias: float = 0.0
    gain: float = 1.5
    rate_hz: float = 20.0
    lag_bins: int = 0
    trial_gain_sd: float = 0.0
    noise_correlation: float = 0.0


@dataclass
class ActivationsConfig:
    """`proprio-tcn activations`: what the layers of networks say of a session's movements.

    Attributes:
        recording: A session in .nwb, .mat (TrialData) or .npz, or .h5 of `proprio-tcn inputs` with
            ``options.spikes=FILE.npz``; "synthetic" for the embedded one.
        options: What the reader of that file takes, such as ``options.faults=drop``.
        arm: That moves in the embedded session, see `proprio_tcn.arms.opening.open_arm`.
        arm_options: What that takes beside it, such as ``hand``.
        reaching: What it does there.
        neurons: Its neurons.
        networks: Directories of trained networks, folders above them such as that of a sweep, names
            of those that ship, such as "pretrained/hand_position", or untrained ones by their
            model, "untrained/spatiotemporal" or "untrained/spatiotemporal/SEED"; these see what
            ``draws`` see.
        untrained: Add each network as it was before its training.
        draws: Untrained networks drawn from the published search space; they see what the first of
            ``networks`` sees, see `proprio_tcn.neural.models.open_networks`.
        control: Spoil what networks see: "muscles", "time" or "constant", see
            `proprio_tcn.neural.controls.control_input`; None for no control.
        protocol: How neurons are read out, see `proprio_tcn.neural.protocol.Protocol`.
        seed: Of the embedded session, of controls and of networks that learn the spikes.
        batch: Windows that a network sees at once.
        device: Where networks and readouts compute: "cpu", "cuda" or "cuda:1".
        threads: Of the processor.

    Raises:
        ValueError: The control is unknown, or a number out of its range.
    """

    recording: str = "synthetic"
    options: dict[str, Any] = field(default_factory=dict)
    arm: str = "human"
    arm_options: dict[str, Any] = field(default_factory=dict)
    reaching: Reaching = field(default_factory=Reaching)
    neurons: NeuronsConfig = field(default_factory=NeuronsConfig)
    networks: list[str] = field(default_factory=list)
    untrained: bool = True
    draws: int = 2
    control: str | None = None
    protocol: Protocol = field(default_factory=Protocol)
    seed: int = 0
    batch: int = 64
    device: str = "cpu"
    threads: int = 1

    def __post_init__(self) -> None:
        if self.control is not None and self.control not in CONTROLS:
            raise ValueError(f"control must be one of {', '.join(CONTROLS)}, got {self.control!r}")
        for name, least in (("draws", 0), ("batch", 1), ("threads", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")


@dataclass
class PredictConfig(ActivationsConfig):
    """`proprio-tcn predict`: how well networks and linear models explain a session's neurons.

    Attributes:
        activations: Files of `proprio-tcn activations`, read in place of running networks again.
        kinematics: Linear models of the movement, see
            `proprio_tcn.neural.kinematics.KINEMATIC_MODELS`; None takes all that can be had.
        data_driven: Passes through the session's own trials in which a network of each architecture
            learns to predict the spikes; 0 for none.
        lags: Lags in bins, such as [-5,0,5], at which the best layer of each model is read out, on
            the single split.
        folds: Outer folds of nested cross-validation, 2 or more: every trial is held out once, and
            ``protocol.test_fraction`` plays no part; 0 or 1 for the single split. It takes as many
            times as long.
        co_bps: Add bits per spike of all neurons together (co-bps) to ``layers.csv``.
        shuffle: Shuffle the bins of each trial first, as a control.

    Raises:
        ValueError: A number is out of its range, ``folds`` comes with activations of one split, or
            lags come with shuffled bins.
    """

    activations: list[str] = field(default_factory=list)
    kinematics: list[str] | None = None
    data_driven: int = 0
    lags: list[int] = field(default_factory=list)
    folds: int = 0
    co_bps: bool = False
    shuffle: bool = False

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.data_driven < 0:
            raise ValueError(f"data_driven must be at least 0, got {self.data_driven}")
        if self.folds < 0:
            raise ValueError(f"folds must be 0 or 1 for one split, or more, got {self.folds}")
        if self.shuffle and self.lags:
            raise ValueError(
                f"lags mean nothing to shuffled bins: with shuffle=true leave out lags={self.lags}"
            )
        if self.folds > 1 and self.activations:
            raise ValueError(
                "activations hold components of the training trials of one split: with folds="
                f"{self.folds} give networks=[DIR] in their place"
            )


@dataclass
class CompareConfig:
    """`proprio-tcn compare`: which model explains neurons better, over one or more predictions.

    Attributes:
        predictions: Directories of `proprio-tcn predict`.
        reference: Compare each model with this one; None compares all pairs.
        resamples: Of the bootstrap over trials and neurons.
        seed: Of the bootstrap.

    Raises:
        ValueError: A prediction is there twice, which would count as two sessions.
    """

    predictions: list[str] = field(default_factory=list)
    reference: str | None = None
    resamples: int = 5000
    seed: int = 0

    def __post_init__(self) -> None:
        paths = [Path(one).resolve() for one in self.predictions]
        if twice := [
            one for one, path in zip(self.predictions, paths, strict=True) if paths.count(path) > 1
        ]:
            raise ValueError(
                f"predictions must be there once, got {' and '.join(twice)}: they would count as "
                "sessions of their own"
            )
