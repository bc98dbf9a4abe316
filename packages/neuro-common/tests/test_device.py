"""A device by its name, what is refused, and trainings that change devices on the way."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor

from neuro_common.device import checked_device, set_torch
from neuro_common.leaky import LeakyNetwork
from neuro_common.rate_structure import dale_signs
from neuro_common.rates import RateNetwork
from neuro_common.training import Plan, fit

MOST = {"rtol": 1e-9, "atol": 1e-12}


@pytest.fixture
def cards(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], None]:
    """Pretends that torch finds so many graphics cards."""
    return lambda count: monkeypatch.setattr(torch.cuda, "device_count", lambda: count)


@pytest.fixture
def threads() -> Iterator[None]:
    """Leaves the process as it was."""
    before = torch.get_num_threads()
    with torch.backends.cudnn.flags(enabled=True):
        yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(
    ("device", "found"),
    [("gpu", 0), ("nonsense", 2), ("", 0), ("meta", 1), ("mps", 1), ("cuda", 0), ("cuda:9", 1)],
)
def test_a_device_that_is_not_there_is_refused(
    device: str, found: int, cards: Callable[[int], None]
) -> None:
    cards(found)
    message = f'device must be "cpu", or "cuda" where torch finds a graphics card, got {device!r}; '
    with pytest.raises(ValueError, match=f"{message}torch .* finds {found}$"):
        checked_device(device)


def test_a_device_that_is_there_is_found(cards: Callable[[int], None]) -> None:
    assert checked_device("cpu") == checked_device(torch.device("cpu")) == torch.device("cpu")
    cards(2)
    assert checked_device("cuda") == torch.device("cuda")
    assert checked_device("cuda:1") == torch.device("cuda", 1)
    with pytest.raises(ValueError, match=r"got 'cuda:2'; torch .* finds 2"):
        checked_device("cuda:2")


def test_a_card_is_told_to_be_exact(threads: None, cards: Callable[[int], None]) -> None:
    rounding = torch.backends.cudnn.allow_tf32
    assert set_torch(2, "cpu") == torch.device("cpu")
    assert torch.get_num_threads() == 2
    assert torch.backends.cudnn.allow_tf32 == rounding
    cards(1)
    assert set_torch(1, "cuda") == torch.device("cuda")
    assert torch.get_num_threads() == 1
    assert torch.backends.cudnn.deterministic
    assert not torch.backends.cudnn.allow_tf32
    with pytest.raises(ValueError, match="got 'gpu'"):
        set_torch(3, "gpu")
    assert torch.get_num_threads() == 1


def network(device: str = "cpu") -> RateNetwork:
    return RateNetwork(
        6, 2, 1, seed=0, signs=dale_signs(6, 0.5), dtype=torch.float64, device=device
    )


def trained(made: RateNetwork, folder: Path, updates: int) -> Mapping[str, Tensor]:
    inputs = torch.randn(
        8, 9, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    ).to(made.bias.device)

    def loss(update: int = 0) -> Tensor:
        outputs, _ = made(inputs * (1 + update))
        return (outputs - inputs.sum(dim=-1, keepdim=True)).square().mean()

    fit(
        made,
        torch.optim.Adam(made.parameters(), lr=0.01),
        loss=loss,
        validate=lambda: {"loss": float(loss())},
        plan=Plan(updates, validate_every=2),
        directory=folder,
    )
    return {name: value.detach().cpu() for name, value in made.state_dict().items()}


def test_a_training_of_a_gpu_goes_on_without_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = trained(network(), tmp_path / "whole", 6)
    with monkeypatch.context() as patched:
        # what torch writes into a file beside the numbers of a tensor on a card
        patched.setattr(torch.serialization, "location_tag", lambda storage: "cuda:0")
        trained(network(), tmp_path / "cut", 4)
    if not torch.cuda.is_available():
        with pytest.raises(RuntimeError, match="deserialize object on a CUDA device"):
            torch.load(tmp_path / "cut" / "checkpoints" / "last.ckpt", weights_only=True)
    again = trained(network(), tmp_path / "cut", 6)
    assert all(torch.equal(again[name], value) for name, value in whole.items())


@pytest.mark.parametrize("time_constants", [False, True])
def test_nothing_of_a_network_stays_behind(time_constants: bool) -> None:
    """A tensor of the device meta has no numbers, and meets no tensor of another."""
    made = RateNetwork(6, 2, 1, seed=0, signs=dale_signs(6, 0.5), train_tau=time_constants)
    there = made.to("meta")
    inputs, rest = (torch.zeros(shape, device="meta") for shape in ((3, 40, 2), (3, 6)))
    outputs, last = there.dynamics().run(inputs, rest, 16)
    (outputs.sum() + last.sum()).backward()
    assert outputs.shape == (3, 40, 1)
    assert {one.grad.device.type for one in there.parameters() if one.grad is not None} == {"meta"}
    blocks = list(there.dynamics().blocks(inputs, rest))
    assert {block.rates.device.type for block in blocks} == {"meta"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("first", ["cpu", "cuda"])
def test_a_training_ends_where_it_began_and_changes_devices(first: str, tmp_path: Path) -> None:
    here = trained(network(), tmp_path / "here", 6)
    trained(network(first), tmp_path / "moved", 4)
    made = network("cuda")
    moved = trained(made, tmp_path / "moved", 6)
    assert made.bias.device.type == "cuda"
    back = trained(network(), tmp_path / "moved", 6)
    for name, value in here.items():
        torch.testing.assert_close(moved[name], value, **MOST)
        torch.testing.assert_close(back[name], value, **MOST)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
@pytest.mark.parametrize("kind", [RateNetwork, LeakyNetwork])
def test_signs_may_be_where_the_network_goes(kind: type[RateNetwork | LeakyNetwork]) -> None:
    signs = dale_signs(6, 0.5)
    made = kind(6, 2, 1, seed=0, signs=signs.cuda(), device="cuda")
    assert torch.equal(
        made.cpu().effective_weight(), kind(6, 2, 1, seed=0, signs=signs).effective_weight()
    )
