"""The norms against torch in double precision, and what each of them must not see."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from proprio_tcn.networks.normalisation import NormRectify, normalise
from proprio_tcn.networks.settings import NORMS


def draw(*shape, seed=0, dtype=torch.float64):
    return torch.from_numpy(np.random.default_rng(seed).normal(size=shape)).to(dtype)


def layer(channels, kind, sides=(0, 0, 0, 0), dtype=torch.float64):
    norm = NormRectify(channels, kind, sides).to(dtype)
    with torch.no_grad():
        norm.scale.copy_(1 + draw(channels, seed=1) / 2)
        norm.shift.copy_(draw(channels, seed=2) / 2)
    return norm


def masks(samples, bins):
    mask = torch.zeros(samples, bins, dtype=torch.bool)
    for sample in range(samples):
        mask[sample, 1 + sample : bins - 2] = True
    return mask


class TestOracle:
    def test_sample_is_group_norm(self):
        x, norm = draw(3, 5, 4, 7), layer(5, "sample")
        wanted = F.relu(F.group_norm(x, 1, norm.scale, norm.shift, 1e-12))
        torch.testing.assert_close(norm(x), wanted, rtol=1e-12, atol=1e-13)

    def test_masked_by_hand(self):
        x, norm, mask = draw(3, 5, 4, 9), layer(5, "masked"), masks(3, 9)
        out = norm(x, mask)
        for sample in range(3):
            part = x[sample : sample + 1, :, :, mask[sample]]
            wanted = F.relu(F.group_norm(part, 1, norm.scale, norm.shift, 1e-12))
            found = out[sample : sample + 1, :, :, mask[sample]]
            torch.testing.assert_close(found, wanted, rtol=1e-11, atol=1e-12)
            assert not out[sample][:, :, ~mask[sample]].any()

    def test_step_is_layer_norm_of_a_bin(self):
        x, norm = draw(3, 5, 4, 7), layer(5, "step")
        flat = F.layer_norm(x.permute(0, 3, 1, 2), (5, 4), eps=1e-6).permute(0, 2, 3, 1)
        wanted = F.relu(flat * norm.scale[:, None, None] + norm.shift[:, None, None])
        torch.testing.assert_close(norm(x), wanted, rtol=1e-12, atol=1e-13)

    @settings(max_examples=25)
    @given(
        st.sampled_from(NORMS),
        st.tuples(st.integers(1, 3), st.integers(3, 9), st.integers(2, 5), st.integers(2, 40)),
        st.tuples(*(st.integers(0, 3) for _ in range(4))),
        st.sampled_from([1e-3, 1.0, 300.0]),
    )
    def test_compiled_is_what_torch_gives(self, kind, shape, sides, size):
        norm = layer(shape[1], kind, sides)
        mask = torch.from_numpy(np.random.default_rng(1).random((shape[0], shape[3])) < 0.6)
        towards = draw(shape[0], shape[1], *(shape[2] + sum(sides[:2]), shape[3] + sum(sides[2:])))
        found = []
        for compiled in (True, False):
            norm.compiled = compiled
            x = (draw(*shape) * size + size).requires_grad_()
            out = norm(x, mask)
            found.append([out, *torch.autograd.grad(out, [x, norm.scale, norm.shift], towards)])
        for ours, wanted in zip(*found, strict=True):
            scale = float(wanted.detach().abs().max()) + 1e-9
            torch.testing.assert_close(ours, wanted, rtol=0, atol=1e-8 * scale)

    @pytest.mark.parametrize("kind", NORMS)
    def test_gradient(self, kind):
        norm, mask = layer(3, kind, (1, 0, 2, 1)), masks(2, 6)
        x = draw(2, 3, 4, 6, seed=5).requires_grad_()

        def run(x, scale, shift):
            one = torch.func.functional_call(norm, {"scale": scale, "shift": shift}, (x, mask))
            return one

        assert norm.compiled
        parameters = [one.detach().clone().requires_grad_() for one in (norm.scale, norm.shift)]
        assert torch.autograd.gradcheck(run, (x, *parameters))

    def test_single_precision(self):
        x = draw(4, 8, 39, 50) * 100 + 250  # lengths in mm
        wide, narrow = layer(8, "sample"), layer(8, "sample", dtype=torch.float32)
        torch.testing.assert_close(narrow(x.float()).double(), wide(x), rtol=0, atol=3e-6)

    def test_threads_share_the_samples(self):
        x, norm = draw(5, 8, 4, 30, dtype=torch.float32), layer(8, "sample", dtype=torch.float32)
        before, alone = torch.get_num_threads(), norm(x)
        try:
            torch.set_num_threads(2)
            together = norm(x)
        finally:
            torch.set_num_threads(before)
        assert torch.equal(alone, together)


class TestInvariance:
    def test_masked_sees_no_padding(self):
        norm, x = layer(3, "masked"), draw(1, 3, 4, 10)
        for before, after in [(0, 0), (4, 1), (11, 30)]:
            longer = F.pad(x, (before, after), value=123.0)
            mask = torch.zeros(1, longer.shape[3], dtype=torch.bool)
            mask[:, before : before + 10] = True
            out = norm(longer, mask)[..., before : before + 10]
            wanted = norm(x, torch.ones(1, 10, dtype=torch.bool))
            torch.testing.assert_close(out, wanted, rtol=1e-12, atol=1e-13)

    def test_a_sample_that_never_moves_is_zero(self):
        x = draw(2, 3, 4, 6).requires_grad_()
        mask = torch.zeros(2, 6, dtype=torch.bool)
        norm = layer(3, "masked")
        for norm.compiled in (True, False):
            out = norm(x, mask)
            (gradient,) = torch.autograd.grad(out.sum(), x)
            assert not out.any()
            assert not gradient.any()

    @pytest.mark.parametrize("kind", ["sample", "step"])
    def test_constant_input_is_finite(self, kind):
        x = torch.zeros(2, 3, 4, 6, dtype=torch.float32, requires_grad=True)
        out = layer(3, kind, dtype=torch.float32)(x)
        out.sum().backward()
        assert out.isfinite().all()
        assert x.grad.isfinite().all()

    def test_what_is_no_number_is_not_hidden(self):
        x = draw(2, 8, 4, 40, dtype=torch.float32)
        x[0, 1, 2, 3] = torch.nan
        out = layer(8, "sample", dtype=torch.float32)(x)
        assert out[0].isnan().all()
        assert out[1].isfinite().all()
        out = layer(8, "step", dtype=torch.float32)(x)
        assert out[0, :, :, 3].isnan().all()
        assert int(out.isnan().sum()) == 32


class TestElsewhere:
    @pytest.mark.parametrize("kind", NORMS)
    @pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
    def test_half_precision_is_taken_in_single(self, kind, dtype):
        x, mask = draw(2, 4, 3, 9, dtype=dtype) * 100, masks(2, 9)
        one, zero = torch.ones(4), torch.zeros(4)
        out = normalise(x, one, zero, kind, mask=mask)
        assert out.dtype == dtype
        wanted = normalise(x.double(), one, zero, kind, mask=mask)
        torch.testing.assert_close(out.double(), wanted, rtol=0, atol=0.02)

    def test_vmap(self):
        norm, x = layer(3, "sample"), draw(2, 2, 3, 4, 6)
        scales = torch.stack([norm.scale, norm.scale * 2]).detach()

        def run(scale, x):
            return torch.func.functional_call(norm, {"scale": scale}, (x,))

        found = torch.vmap(run)(scales, x)
        for number in range(2):
            wanted = run(scales[number], x[number])
            torch.testing.assert_close(found[number], wanted, rtol=1e-12, atol=1e-13)

    def test_no_second_derivative(self):
        x = draw(1, 3, 4, 6).requires_grad_()
        (once,) = torch.autograd.grad(layer(3, "sample")(x).square().sum(), x, create_graph=True)
        with pytest.raises(RuntimeError, match="once_differentiable"):
            once.sum().backward()


@pytest.mark.parametrize("compiled", [True, False])
@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (None, r'norm "masked" needs a mask of shape \(2, 6\), got none'),
        (torch.ones(2, 5, dtype=torch.bool), r"shape \(2, 6\), got shape \(2, 5\)"),
    ],
)
def test_refuses_a_missing_mask(compiled, mask, message):
    norm = layer(3, "masked")
    norm.compiled = compiled
    with pytest.raises(ValueError, match=message):
        norm(draw(2, 3, 4, 6), mask)


def test_refuses_an_unknown_norm():
    with pytest.raises(ValueError, match="norm must be one of sample, masked, step, got 'batch'"):
        NormRectify(3, "batch")
    with pytest.raises(ValueError, match="norm must be one of sample, masked, step, got 'batch'"):
        normalise(draw(1, 3, 4, 6), torch.ones(3), torch.zeros(3), "batch")
