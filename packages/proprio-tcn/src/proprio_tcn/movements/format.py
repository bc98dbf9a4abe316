"""The time base of every movement, and what a movement set holds: keys, units, file names."""

from pathlib import Path

__all__ = [
    "BINS",
    "BIN_S",
    "FORMAT",
    "KEYS",
    "PUBLISHED_KEYS",
    "PUBLISHED_LATENTS",
    "PUBLISHED_SHARES",
    "SPLITS",
    "split_path",
    "split_writers",
]

BIN_S = 0.01
BINS = 400

FORMAT = "proprio-tcn/movements"

SPLITS = ("train", "val", "test")

PUBLISHED_SHARES = (0.72, 0.08, 0.2)
"""90 samples of a file went to training, validation and test as 64, 8 and 18."""

KEYS = {
    "spindle": "mm, mm/s",
    "muscle_acceleration": "mm/s2",
    "hand": "cm",
    "hand_velocity": "cm/s",
    "hand_acceleration": "cm/s2",
    "elbow": "cm",
    "elbow_velocity": "cm/s",
    "elbow_acceleration": "cm/s2",
    "joint_angle": "deg",
    "joint_velocity": "deg/s",
    "joint_acceleration": "deg/s2",
    "torque": "N m",
    "target": "cm",
    "letter": "1",
    "moving": "1",
}
"""What ``MovementSet.batch`` makes, and its units."""

PUBLISHED_KEYS = {
    "spindle_info": "spindle",
    "muscle_acc": "muscle_acceleration",
    "endeffector_coords": "hand",
    "endeffector_vel": "hand_velocity",
    "endeffector_acc": "hand_acceleration",
    "elbow_coords": "elbow",
    "elbow_vel": "elbow_velocity",
    "elbow_acc": "elbow_acceleration",
    "joint_coords": "joint_angle",
    "joint_vel": "joint_velocity",
    "joint_acc": "joint_acceleration",
    "torque_coords": "torque",
    "target_coords": "target",
}
"""Data sets of the published files, and our word for each."""

PUBLISHED_LATENTS = ("size", "rot", "shear_x", "shear_y", "speed", "noise")
"""What the publication calls ``proprio_tcn.movements.trials.LATENTS``."""


def split_path(directory: str | Path, split: str) -> Path:
    """The file of one split in the folder of a movement set.

    Raises:
        ValueError: There is no such split.
    """
    if split not in SPLITS:
        raise ValueError(f"split must be one of {', '.join(SPLITS)}, got {split!r}")
    return Path(directory) / f"dataset_{split}.hdf5"


def split_writers(
    writers: int, shares: tuple[float, float, float] | list[float]
) -> dict[str, range]:
    """Which writers train, validate and test: no writer does two of it.

    Writers are alike before they are drawn, so the first train and the last test. Shares of
    validation and test are rounded up.

    Args:
        writers: Number of writers.
        shares: Of training, validation and test; they sum to one.

    Raises:
        ValueError: The shares are no shares, or leave a split without a writer.
    """
    shares = list(shares)
    if len(shares) != 3 or not (min(shares) >= 0.0 and abs(sum(shares) - 1.0) <= 1e-6):
        raise ValueError(f"shares must be three of a whole, such as 0.7, 0.1, 0.2, got {shares}")
    # 0.2 * 90 may come out a hair above 18
    val, test = (-int(-(share * writers - 1e-9) // 1) for share in shares[1:])
    train = writers - val - test
    for split, share, count in zip(SPLITS, shares, (train, val, test), strict=True):
        if share > 0.0 and count < 1:
            raise ValueError(
                f"{writers} writers must leave one to every split, got {count} for {split}: raise "
                "writers, or set its part of shares to 0"
            )
    return {
        "train": range(train),
        "val": range(train, train + val),
        "test": range(train + val, writers),
    }
