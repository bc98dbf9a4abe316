"""Bonhoeffer-van der Pol environments on a GPU, observation and reward included, beside its roof.

    python -m pytest benchmarks/test_gpu.py -m gpu

prints one line per case: environment steps per second, and what part that is of the least time that
the device's own speed of copying and of multiplying, measured in the same run, would allow.
"""

from __future__ import annotations

from collections.abc import Callable
from statistics import median
from typing import Any

import pytest

torch = pytest.importorskip("torch")

from rldbs_env.device_rules import rules_of  # noqa: E402
from rldbs_env.torch_env import TorchVectorEnv  # noqa: E402

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]

N_NEURONS, POOL, PHASES = 1000, 64, 16
SIZES = [64, 256, 1024, 4096, 16_384, 65_536]


def flops_per_neuron() -> int:
    """Floating-point operations of one neuron in one RK4 step, a fused multiply-add being two.

    Each of four stages evaluates the flow (10) on its current (1), adds x to the mean (1) and moves
    two variables by a multiple of their slopes (4); two of the four slopes enter the final sum with
    a factor (4 each), one without (2), and that sum moves the variables (4, in place of the last
    stage's move, which is none). The kick and the mean of y make 2 more.
    """
    stages = 4 * (10 + 1 + 1) + 3 * 4
    final_sum = 2 * 4 + 2 + 4
    return stages + final_sum + 2


def bytes_per_env(env: TorchVectorEnv) -> int:
    """Bytes that one environment must read and write in one step.

    The state in and out; the window of X in for its mean; what is observed in from the window and
    out as the observation; and about 100 for the rest. The currents of the pool, 256 kB, stay in
    the cache.
    """
    rules, real = rules_of(env.settings), env.single_observation_space.dtype.itemsize
    state = 2 * rules.n_variables * env.settings.n_neurons
    windows = rules.length + 2 * len(rules.rows) * rules.seen
    return real * (state + windows) + 100


def floor(env: TorchVectorEnv, bytes_per_s: float, flops_per_s: float) -> float:
    """Least seconds of a step of the whole batch: memory or arithmetic, what takes longer."""
    memory = env.num_envs * bytes_per_env(env) / bytes_per_s
    arithmetic = env.num_envs * env.settings.n_neurons * flops_per_neuron() / flops_per_s
    return max(memory, arithmetic)


def seconds(work: Callable[[], Any], calls: int, rounds: int = 15) -> float:
    """Median device time of one call, over rounds of so many calls after a warm-up."""
    for _ in range(max(3, calls // 2)):
        work()
    torch.cuda.synchronize()
    times = []
    for _ in range(rounds):
        begun, ended = (torch.cuda.Event(enable_timing=True) for _ in range(2))
        begun.record()
        for _ in range(calls):
            work()
        ended.record()
        ended.synchronize()
        times.append(begun.elapsed_time(ended) / 1000 / calls)
    return median(times)


@pytest.fixture(scope="module")
def roof() -> tuple[float, float]:
    """Bytes per second of a large copy, read and written, and flops per second in float32."""
    source = torch.rand(2**28, device="cuda")
    target = torch.empty_like(source)
    moved = 2 * source.nbytes / seconds(lambda: target.copy_(source), 5)
    factor = torch.rand(8192, 8192, device="cuda")
    assert torch.get_float32_matmul_precision() == "highest"
    return moved, 2 * 8192**3 / seconds(lambda: factor @ factor, 3)


def environment(num_envs: int, fused: bool) -> TorchVectorEnv:
    env = TorchVectorEnv(
        num_envs, fused=fused, phases=PHASES, n_neurons=N_NEURONS, ensemble=range(POOL),
        transient_steps=1000, dtype="float32", episode_steps=4000,
    )  # fmt: skip
    env.reset(seed=0)
    return env


def replayed(env: TorchVectorEnv, kicks: Any) -> Callable[[], None]:
    """A step as a CUDA graph, so that Python launches nothing but it."""
    env.step(kicks)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        env.step(kicks)
    return graph.replay


@pytest.mark.parametrize("num_envs", SIZES)
@pytest.mark.parametrize("how", ["plain torch", "fused", "fused, replayed"])
def test_steps_per_second(
    how: str, num_envs: int, roof: tuple[float, float], capsys: pytest.CaptureFixture[str]
) -> None:
    env = environment(num_envs, fused=how != "plain torch")
    kicks = torch.empty(num_envs, device="cuda").uniform_(-0.05, 0.05)
    step = replayed(env, kicks) if how.endswith("replayed") else lambda: env.step(kicks) and None
    took = seconds(step, calls=max(3, min(200, 400_000 // num_envs)))
    report(capsys, how, env, took, roof)


@pytest.mark.parametrize("num_warps", [2, 4, 8, 16])
def test_warps_per_environment(
    num_warps: int, roof: tuple[float, float], capsys: pytest.CaptureFixture[str]
) -> None:
    """What the kernel's own choice should be, at 4,096 environments."""
    from rldbs_env._triton_step import TritonStep

    env = environment(4096, fused=True)
    env._step = TritonStep(rules_of(env.settings), env._bank, num_warps)
    kicks = torch.empty(4096, device="cuda").uniform_(-0.05, 0.05)
    took = seconds(replayed(env, kicks), calls=100)
    report(capsys, f"fused, replayed, {num_warps} warps", env, took, roof)


def report(
    capsys: pytest.CaptureFixture[str], how: str, env: TorchVectorEnv, took: float,
    roof: tuple[float, float],
) -> None:  # fmt: skip
    part = floor(env, *roof) / took
    with capsys.disabled():
        print(
            f"\n| {torch.cuda.get_device_name()} | {how} | {env.num_envs:,} | {took * 1e6:,.1f} us "
            f"| {env.num_envs / took:,.0f} | {part:.1%} of the roof "
            f"({roof[0] / 1e12:.2f} TB/s, {roof[1] / 1e12:.1f} TFLOP/s) |",
            end="",
        )
