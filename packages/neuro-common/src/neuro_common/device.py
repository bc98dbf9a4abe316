"""Where torch computes, and with how many threads: looked at before anything takes time."""

from typing import TYPE_CHECKING

from neuro_common.extras import require

if TYPE_CHECKING:
    import torch
else:
    torch = require("torch", "torch")

__all__ = ["checked_device", "set_torch"]


def checked_device(device: "str | torch.device") -> "torch.device":
    """The device of a name, if torch has it here.

    Args:
        device: "cpu", "cuda" for the current graphics card, or one by its number, as "cuda:1".

    Raises:
        ValueError: There is no such device, or torch does not find it.
    """
    try:
        found = torch.device(device)
    except RuntimeError:
        found = None
    if found is not None and found.type == "cpu":
        return found
    cards = torch.cuda.device_count()
    if found is not None and found.type == "cuda" and (found.index or 0) < cards:
        return found
    raise ValueError(
        f'device must be "cpu", or "cuda" where torch finds a graphics card, got {str(device)!r}; '
        f"torch {torch.__version__} finds {cards}"
    )


def set_torch(threads: int, device: "str | torch.device" = "cpu") -> "torch.device":
    """Give torch its threads, and look for the device; these are settings of the whole process.

    On a graphics card float32 stays float32, where cuDNN would round factors to ten bits (TF32),
    and cuDNN takes none of its algorithms that differ from one call to the next.

    Args:
        threads: At least 1.
        device: As for :func:`checked_device`.

    Returns:
        The device.

    Raises:
        ValueError: As for :func:`checked_device`.
    """
    found = checked_device(device)
    torch.set_num_threads(threads)
    if found.type == "cuda":
        torch.backends.cudnn.allow_tf32 = False
        torch.backends.cudnn.deterministic = True
    return found
