"""A worker that the system kills is told, and its work is taken up again."""

import os
import signal
import time
from multiprocessing import active_children
from pathlib import Path
from threading import Thread

import pytest

from neuro_common.files import RunError
from proprio_tcn.arms.two_link import TwoLinkArm
from proprio_tcn.movements.format import SPLITS, split_path
from proprio_tcn.movements.generation import generate_movements
from proprio_tcn.movements_config import MovementSettings


def _kill_one(parts: Path) -> None:
    """End a worker as the system does, once a shard is done."""
    until = time.monotonic() + 300.0  # a loaded machine takes its time
    while not list(parts.glob("*.npz")) and time.monotonic() < until:
        time.sleep(0.005)
    for worker in active_children()[:1]:
        os.kill(worker.pid or 0, signal.SIGKILL)


@pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="no SIGKILL on this system")
def test_a_killed_worker_is_told_and_its_work_taken_up(tmp_path: Path) -> None:
    settings = MovementSettings(
        arm="two_link", writers=10, shares=[0.8, 0.1, 0.1], start_points=20, max_joint_jerk=8.0
    )
    folder, parts = tmp_path / "a set", tmp_path / "a set" / "parts"
    killer = Thread(target=_kill_one, args=(parts,), daemon=True)
    killer.start()
    with pytest.raises(RunError, match=r"2 workers must live .* lack of memory") as refused:
        generate_movements(settings, TwoLinkArm(), folder, workers=2)
    killer.join()
    assert f"finished shards are kept in {parts}: run the same" in str(refused.value)
    assert f"output={folder} and fewer workers, such as workers=1" in str(refused.value)
    # a shard for each split
    assert 1 <= len(list(parts.glob("*.npz"))) < 3
    assert not any(split_path(folder, split).exists() for split in SPLITS)
    generate_movements(settings, TwoLinkArm(), folder)
    generate_movements(settings, TwoLinkArm(), tmp_path / "whole")
    for split in SPLITS:
        taken_up, whole = (split_path(place, split) for place in (folder, tmp_path / "whole"))
        assert taken_up.read_bytes() == whole.read_bytes()
