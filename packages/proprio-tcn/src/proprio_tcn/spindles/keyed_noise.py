"""Normal numbers that a key decides: the same on every device, in any batch, with no generator.

Counters are mixed with the key by splitmix64 (Steele, Lea & Flood 2014, OOPSLA:453), and pairs of
the uniform numbers that come of it become normal after Box and Muller.
"""

import torch
from torch import Tensor

__all__ = ["movement_keys", "normal_numbers"]


def _signed(number: int) -> int:
    """An unsigned number of 64 bits as torch's signed integers have it, which wrap around."""
    return number - (1 << 64) if number >> 63 else number


_STEP = _signed(0x9E3779B97F4A7C15)
_FIRST, _SECOND = _signed(0xBF58476D1CE4E5B9), _signed(0x94D049BB133111EB)
_BITS = 24  # of a single precision number


def movement_keys(movements: Tensor, seed: int) -> Tensor:
    """A key for each movement, decided by all its values in single precision and by the seed.

    Args:
        movements: Shape (n, ...), any device.
        seed: Any whole number of 64 bits.

    Returns:
        Shape (n,) of int64, on the same device.
    """
    bits = movements.float().flatten(1).contiguous().view(torch.int32).long()
    odd = 2 * torch.arange(bits.shape[1], device=bits.device) + 1
    return _mixed((bits * (odd * _STEP)).sum(dim=1) + _signed(seed % (1 << 64)))


def normal_numbers(keys: Tensor, count: int) -> Tensor:
    """Independent normal numbers for each key, of mean 0 and s.d. 1.

    Args:
        keys: Shape (n,) of int64.
        count: How many for each.

    Returns:
        Shape (n, count) of float32, on the device of the keys.
    """
    counters = torch.arange(1, (count + 1) // 2 + 1, device=keys.device)
    drawn = _mixed(keys[:, None] + counters * _STEP)
    # never 0, whose logarithm is infinite
    radius = ((_shifted(drawn, 64 - _BITS).float() + 0.5) * 2.0**-_BITS).log().mul(-2).sqrt()
    angle = (drawn & ((1 << _BITS) - 1)).float() * (2 * torch.pi * 2.0**-_BITS)
    both = torch.stack([radius * angle.cos(), radius * angle.sin()], dim=2)
    return both.flatten(1)[:, :count]


def _mixed(state: Tensor) -> Tensor:
    state = (state ^ _shifted(state, 30)) * _FIRST
    state = (state ^ _shifted(state, 27)) * _SECOND
    return state ^ _shifted(state, 31)


def _shifted(state: Tensor, bits: int) -> Tensor:
    """To the right, with zeros coming in where a sign would."""
    return (state >> bits) & ((1 << (64 - bits)) - 1)
