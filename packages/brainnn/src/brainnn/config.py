"""What the verbs can be told, as plain dataclasses."""

from dataclasses import dataclass

__all__ = ["InfoConfig"]


@dataclass
class InfoConfig:
    """`brainnn info`: versions, and what is there."""
