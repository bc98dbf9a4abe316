"""Threads and device of torch, looked at before anything takes time."""

import torch

__all__ = ["set_torch"]


def set_torch(threads: int, device: str) -> None:
    """Give torch its threads, and see whether it has the device.

    Args:
        threads: At least 1.
        device: Such as "cpu", "cuda" or "cuda:1".

    Raises:
        ValueError: Torch has no such device here.
    """
    torch.set_num_threads(threads)
    try:
        torch.empty(0, device=device)
    except (RuntimeError, AssertionError):
        raise ValueError(
            f'device must be "cpu", or "cuda" where torch finds a graphics card, got {device!r}'
        ) from None
