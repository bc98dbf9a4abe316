"""What `proprio-tcn info` can be told."""

from dataclasses import dataclass, field
from typing import Any

__all__ = ["InfoConfig"]


@dataclass
class InfoConfig:
    """`proprio-tcn info`: versions, and what an arm is made of.

    Attributes:
        arm: "human", "elbow", "two_link", or the path of an OpenSim or MuJoCo model.
        arm_options: What `proprio_tcn.arms.opening.open_arm` takes beside it, such as
            ``arm_options.hand=SITE``.
    """

    arm: str = "human"
    arm_options: dict[str, Any] = field(default_factory=dict)
