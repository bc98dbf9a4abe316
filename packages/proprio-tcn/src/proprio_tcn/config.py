"""What `proprio-tcn info` can be told."""

from dataclasses import dataclass

__all__ = ["InfoConfig"]


@dataclass
class InfoConfig:
    """`proprio-tcn info`: versions, and what an arm is made of.

    Attributes:
        arm: "human", "elbow", "two_link", or the path of an OpenSim or MuJoCo model.
    """

    arm: str = "human"
