"""What the verbs can be told, as plain dataclasses."""

from dataclasses import dataclass

__all__ = ["InfoConfig"]


@dataclass
class InfoConfig:
    """`spinal-rnn info`: versions, and what is there."""
