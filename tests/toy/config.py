"""What a job is told."""

from dataclasses import dataclass


@dataclass
class Train:
    seed: int = 0
    rate: float = 1.0
    free: int = 99  # when so many jobs have ended, the others wait for the file "go"
    numbers: int = 0  # to save
