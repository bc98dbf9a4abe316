"""What the verbs that look for a stimulation can be told."""

from dataclasses import dataclass, field

__all__ = ["ControlConfig", "NextConfig", "OptimiseConfig"]


@dataclass
class ControlConfig:
    """What `optimise` and `next` share.

    Attributes:
        target: A muscle ("RRF"), several ("RRF+RVLat"), or wanted parts of the full responses
            ("RRF=0.8,RTA=0.3", with quotes).
        session: A preset, or an HDF5 file.
        session_seed: Which person a preset simulates.
        selectivity: Of one muscle: "difference" or "share".
        floor: Least response of the target, as a part of its full one.
        methods: Searches, one after another: "exhaustive" (single and bipolar), "random",
            "gradient", "evolution".
        count: Random sets.
        kappa: Standard deviations of the ensemble that a score loses: the lower confidence bound.
        members: Of the ensemble.
        updates: Of its fit.
        measured: Tables that `spinal-rnn next` wrote and that were filled in.
        contact_ma: Largest current of a contact.
        total_ma: Largest amplitude.
        charge_uc: Largest charge of a contact in one phase.
        forbidden: Contacts without current.
        frequencies_hz: Those to choose from.
        pulse_widths_us: Those to choose from.
        trials: Amplitudes of a series to measure.
        seed: Of everything random.
        threads: Of torch.

    Raises:
        ValueError: A number is out of its range.
    """

    target: str = "RRF"
    session: str = "default"
    session_seed: int = 0
    selectivity: str = "difference"
    floor: float = 0.5
    methods: list[str] = field(default_factory=lambda: ["exhaustive", "random", "gradient"])
    count: int = 1500
    kappa: float = 1.0
    members: int = 10
    updates: int = 300
    measured: list[str] = field(default_factory=list)
    contact_ma: float = 5.0
    total_ma: float = 5.0
    charge_uc: float = 1.8
    forbidden: list[int] = field(default_factory=list)
    frequencies_hz: list[float] = field(default_factory=lambda: [20.0, 40.0, 60.0, 80.0])
    pulse_widths_us: list[float] = field(default_factory=lambda: [300.0])
    trials: int = 10
    seed: int = 0
    threads: int = 1

    def __post_init__(self) -> None:
        for name in ("count", "members", "updates", "trials", "threads"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be at least 1, got {getattr(self, name)}")
        if not 0 <= self.floor <= 1:
            raise ValueError(f"floor must be in [0, 1], got {self.floor}")


@dataclass
class OptimiseConfig(ControlConfig):
    """`spinal-rnn optimise`: the stimulation that gives a wanted response.

    Attributes:
        rows: Of the table.
        series: Configurations to verify on the person of a simulated session, each a series of
            amplitudes; 0 for none.

    Raises:
        ValueError: A number is out of its range.
    """

    rows: int = 10
    series: int = 0

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.rows < 1:
            raise ValueError(f"rows must be at least 1, got {self.rows}")
        if self.series < 0:
            raise ValueError(f"series must be at least 0, got {self.series}")


@dataclass
class NextConfig(ControlConfig):
    """`spinal-rnn next`: which trials to measure next.

    Attributes:
        series: Configurations to propose, each a series of amplitudes.

    Raises:
        ValueError: A number is out of its range.
    """

    series: int = 5

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.series < 1:
            raise ValueError(f"series must be at least 1, got {self.series}")
