"""The fused kernel: interpreted against its oracles, and compiled for a GPU that is not there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from rldbs_env import HindmarshRose
from rldbs_env.device_rules import rules_of
from rldbs_env.reward import AbsoluteReward
from rldbs_env.torch_env import TorchVectorEnv

triton = pytest.importorskip("triton", minversion="3.6")

from triton.backends.compiler import GPUTarget  # noqa: E402

from rldbs_env import _triton_step as triton_step  # noqa: E402

HERE = Path(__file__).parent
# triton 3.7 builds its syntax trees in a way that Python 3.13 deprecates
pytestmark = pytest.mark.filterwarnings("ignore:AnnAssign:DeprecationWarning")


def test_the_interpreted_kernel_passes_the_tests_of_the_step() -> None:
    """Triton decides at import whether it interprets, so this needs a process of its own."""
    line = [sys.executable, "-m", "pytest", str(HERE / "test_torch_step.py"), "-k", "interpreted"]
    options = ["--import-mode=importlib", "-W", "error", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(
        [*line, *options],
        env=os.environ | {"TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        timeout=600,
    )
    assert done.returncode == 0, done.stdout[-3000:]
    assert " passed" in done.stdout
    assert "skipped" not in done.stdout


class _Hopper:
    """As much of a driver as compiling for compute capability 9.0 needs."""

    def get_current_target(self) -> Any:
        return GPUTarget("cuda", 90, 32)

    def get_current_device(self) -> int:
        return 0

    def get_current_stream(self, device: int) -> int:
        return 0


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({}, id="published"),
        pytest.param(
            {"model": HindmarshRose(), "max_kick": 0.5, "stride": 10, "signals": ("x", "action"),
             "pulse": (1.0, -1.0), "reward": AbsoluteReward()}, id="bursting",
        ),
        pytest.param({"n_neurons": 1, "window": 1, "levels": (0.0, 0.5)}, id="one neuron"),
    ],
)  # fmt: skip
def test_compiles_for_a_gpu_that_is_not_there(
    dtype: str, changes: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """From the arguments of a step down to machine code; all but the launch itself."""
    kernels, run = [], triton.JITFunction.run

    def compile_only(*args: Any, **options: Any) -> None:
        kernels.append(run(*args, **options | {"warmup": True}))

    arguments = {"ensemble": (0, 1), "transient_steps": 2, "phases": 2} | changes
    env = TorchVectorEnv(3, device="cpu", dtype=dtype, **arguments)
    env.reset(seed=0)
    env._step = triton_step.TritonStep(rules_of(env.settings), env._bank)
    monkeypatch.setattr(triton.runtime.driver, "_active", _Hopper())
    monkeypatch.setattr(triton.JITFunction, "run", compile_only)
    env.step(torch.zeros(3, dtype=torch.int64 if "levels" in changes else torch.float32))
    (kernel,) = kernels
    assert len(kernel.asm["cubin"]) > 1000
    if env.settings.n_neurons > 1:  # sixteen bytes at a time, or memory is not used to the full
        wide = {"float32": "v4", "float64": "v2"}[dtype]
        assert len(re.findall(rf"ld\.global[.\w]*\.{wide}", kernel.asm["ptx"])) >= 3


def test_a_flow_must_be_a_function_without_closure_in_a_file() -> None:
    scope: dict[str, Any] = {}
    exec("def typed(x, y, current, constants):\n    return -x, -y", scope)
    number = 3.0

    def enclosed(x: Any, y: Any, current: Any, constants: Any) -> Any:
        return -x * number, -y

    for flow in (scope["typed"], enclosed, lambda x, y, current, constants: (-x, -y)):
        with pytest.raises(ValueError, match=r"flow \S+ must be a function .* fused=False"):
            triton_step.device_flow(flow)
