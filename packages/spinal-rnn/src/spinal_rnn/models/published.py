"""The published recurrent networks by name: ten leaky classes as options of one cell, and torch's.

They are those of Pavaux (2024, little_RNN), whose weights :func:`load_published` takes.

A leaky class is called by what it has: A for time constants of each unit that are trained, S for a
synapse, F for feedback of the outputs after 50 ms, EI for Dale's law as published. So ASFEIRNN has
all of them, and RNN none: it forgets in one step. See :mod:`neuro_common.leaky` for the equations.

Not taken over: weights that no output depends on (a second cell in every EI class), a second and a
third bias of each unit, and time constants that may leave their bounds.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from neuro_common.leaky import LeakyNetwork
from neuro_common.rate_noise import Noise
from neuro_common.rate_structure import dale_signs
from neuro_common.seeding import generator
from neuro_common.verbs import suggestion
from spinal_rnn.models.recurrent_options import FIRST_TAU_MS, GATED, LEAKY

__all__ = ["GatedNetwork", "Network", "load_published", "published_network"]

_KINDS = {"GRU": (torch.nn.GRU, 1), "LSTM": (torch.nn.LSTM, 1), "LSTM2": (torch.nn.LSTM, 2)}
_FEEDBACK_DELAY_MS = 50.0
_EXCITATORY_FRACTION = 0.8
_DROPOUT = 0.5  # between the layers of LSTM2
_CELL = {
    "weight_ih": "input2h.weight",
    "weight_hh": "h2h.weight",
    "bias_ih": "input2h.bias",
    "bias_hh": "h2h.bias",
}


class GatedNetwork(torch.nn.Module):
    """Layers of torch's GRU or LSTM with a linear readout.

    Args:
        name: One of `recurrent_options.GATED`.
        units: Number of units of each layer.
        inputs: Number of input channels.
        outputs: Number of outputs.
        seed: Seed of the first weights.
        dropout: Part of the units that are left out between the layers in training.
        dtype: Of all numbers; None is torch's default.
    """

    def __init__(
        self,
        name: str,
        units: int,
        inputs: int,
        outputs: int,
        *,
        seed: int,
        dropout: float = _DROPOUT,
        dtype: torch.dtype | None = None,
    ) -> None:
        super().__init__()
        kind, layers = _KINDS[name]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.recurrent = kind(
                inputs,
                units,
                num_layers=layers,
                dropout=dropout if layers > 1 else 0.0,
                batch_first=True,
                dtype=dtype,
            )
            self.output = torch.nn.Linear(units, outputs, dtype=dtype)

    def forward(
        self, inputs: Tensor, *, noise: Noise | None = None
    ) -> tuple[Tensor, dict[str, Tensor]]:
        """Run a sequence from rest.

        Args:
            inputs: Shape (batch, time, inputs).
            noise: None; these networks have no noise of their own.

        Returns:
            Outputs, shape (batch, time, outputs), and as "rate" what the last layer gives out,
            shape (batch, time, units).

        Raises:
            ValueError: There is noise.
        """
        if noise is not None:
            raise ValueError("noise must be None for a GRU or an LSTM: they have none of their own")
        rate, _ = self.recurrent(inputs)
        return self.output(rate), {"rate": rate}


Network = LeakyNetwork | GatedNetwork


def published_network(
    name: str,
    units: int,
    inputs: int = 17,
    outputs: int = 14,
    *,
    seed: int,
    tau_ms: Sequence[float] = FIRST_TAU_MS,
    dt_ms: float = 1.0,
    dtype: torch.dtype | None = None,
) -> Network:
    """A network of a published class with first weights of ours.

    Args:
        name: One of `recurrent_options.LEAKY` or `GATED`.
        units: Number of units, of each layer.
        inputs: Number of input channels.
        outputs: Number of outputs.
        seed: Seed of the first weights.
        tau_ms: What the first time constants of the A classes are drawn from, each above ``dt_ms``.
            The published values were not made public. With a synapse the two stages of ASRNN share
            one of them: the product of their alphas is ``dt_ms / tau_ms``.
        dt_ms: Step.
        dtype: Of all numbers; None is torch's default.

    Raises:
        ValueError: There is no such class, or a number is out of its range.
    """
    _check_name(name)
    if name in GATED:
        return GatedNetwork(name, units, inputs, outputs, seed=seed, dtype=dtype)
    tau: float | Tensor = dt_ms
    if "A" in name:
        tau = torch.from_numpy(generator(seed, 0).choice(np.asarray(tau_ms), units))
    if name == "ASRNN":
        tau = (torch.as_tensor(tau) * dt_ms).sqrt()
    return _leaky(
        name,
        (units, inputs, outputs),
        signs=dale_signs(units, _EXCITATORY_FRACTION) if "EI" in name else None,
        seed=seed,
        tau_ms=tau,
        train_tau="A" in name,
        dt_ms=dt_ms,
        dtype=dtype,
    )


def load_published(
    name: str,
    state: Mapping[str, Any],
    *,
    train_tau: bool = False,
    dt_ms: float = 1.0,
    compat: bool = False,
) -> Network:
    """A network of a published class with the weights of the published program.

    The keys are those of its state dictionaries. The torch classes have ``gru.*`` or ``lstm.*``;
    RNN and ARNN ``rnn.weight_ih``, ``rnn.weight_hh``, ``rnn.bias_ih``, ``rnn.bias_hh``; the others
    ``input2h.*``, ``h2h.*`` and, with feedback, ``f2h.*``. All have ``fc.weight`` and ``fc.bias``,
    the leaky ones ``alpha`` and, with a synapse, ``alpha_s``. Of an EI class ``rnn.*``,
    ``h2h.mask`` and ``_sigma_rec`` are left out: the first is used by nothing, the mask follows
    from the readout, and the noise is an argument of each run.

    Args:
        name: One of `recurrent_options.LEAKY` or `GATED`.
        state: Arrays or tensors by key. Sizes and dtype are taken from them.
        train_tau: Whether time constants are to be trained further. They are then held as numbers
            without bounds and agree up to rounding; otherwise they are taken to the bit.
        dt_ms: Step that the network was trained with.
        compat: Take time constants outside of their bounds too, as that program trained them.

    Raises:
        ValueError: There is no such class, keys are missing or too many, shapes do not belong
            together, or a number is not finite or an alpha out of its bounds.
    """
    _check_name(name)
    given = {key: _tensor(value) for key, value in state.items() if not _unused(name, key)}
    _check_weights(name, given)
    try:
        if name in GATED:
            return _gated_from(name, given)
        network = _leaky_from(name, given, train_tau, dt_ms)
    except (RuntimeError, IndexError) as error:
        shapes = {key: (*value.shape,) for key, value in given.items()}
        raise ValueError(f"the weights of {name} must belong together, got {shapes}") from error
    leaks = {"alpha": network.leak, "alpha_s": network.synapse_leak}
    for key, leak in leaks.items():
        if leak is not None:
            alpha = given[key].flatten()
            leak.set_alpha(alpha if "A" in name else alpha[0], compat=compat)
    return network


def _gated_from(name: str, given: Mapping[str, Tensor]) -> GatedNetwork:
    outputs, units = given["fc.weight"].shape
    inputs = given[f"{_prefix(name)}.weight_ih_l0"].shape[-1]
    dtype = given["fc.weight"].dtype
    network = GatedNetwork(name, units, inputs, outputs, seed=0, dtype=dtype)
    prefix = f"{_prefix(name)}."
    renamed = {
        key.replace(prefix, "recurrent.").replace("fc.", "output."): value
        for key, value in given.items()
    }
    network.load_state_dict(renamed)
    return network


def _leaky_from(
    name: str, given: Mapping[str, Tensor], train_tau: bool, dt_ms: float
) -> LeakyNetwork:
    parts = {_CELL.get(key.removeprefix("rnn."), key): value for key, value in given.items()}
    outputs, read = parts["fc.weight"].shape
    units, inputs = parts["input2h.weight"].shape
    dtype = parts["fc.weight"].dtype
    signs = torch.where(torch.arange(units) < read, 1.0, -1.0) if "EI" in name else None
    network = _leaky(
        name,
        (units, inputs, outputs),
        signs=signs,
        seed=0,
        tau_ms=torch.full((units,), 2.0 * dt_ms) if "A" in name else dt_ms,
        train_tau=train_tau and "A" in name,
        dt_ms=dt_ms,
        dtype=dtype,
    )
    biases = [value for key, value in parts.items() if key.endswith("2h.bias")]
    tensors = {
        "input_weight": parts["input2h.weight"],
        "recurrent_weight": parts["h2h.weight"],
        "bias": torch.stack(biases).sum(0),
        "output_weight": parts["fc.weight"],
        "output_bias": parts["fc.bias"],
    }
    if "F" in name:
        tensors["feedback_weight"] = parts["f2h.weight"]
    network.load_state_dict(network.state_dict() | tensors)
    return network


def _leaky(
    name: str,
    sizes: tuple[int, int, int],
    *,
    signs: Tensor | None,
    seed: int,
    tau_ms: float | Tensor,
    train_tau: bool,
    dt_ms: float,
    dtype: torch.dtype | None,
) -> LeakyNetwork:
    """The options that a name stands for."""
    synapse, dale = "S" in name, "EI" in name
    return LeakyNetwork(
        *sizes,
        seed=seed,
        signs=signs,
        autapses=not dale,
        tau_ms=tau_ms,
        synapse_tau_ms=tau_ms if synapse else None,
        train_tau=train_tau,
        dt_ms=dt_ms,
        activation_on=("both" if synapse else "state") if dale else "drive",
        readout="excitatory" if dale else "all",
        feedback_delay_ms=_FEEDBACK_DELAY_MS if "F" in name else None,
        dtype=dtype,
    )


def _tensor(value: Any) -> Tensor:
    return value.detach().cpu() if isinstance(value, Tensor) else torch.tensor(np.asarray(value))


def _prefix(name: str) -> str:
    """What the published program calls the recurrent part."""
    if name in GATED:
        return name.lower().removesuffix("2")
    return "rnn" if name in ("RNN", "ARNN") else "h2h"


def _linear(*names: str) -> list[str]:
    return [f"{name}.{kind}" for name in names for kind in ("weight", "bias")]


def _wanted(name: str) -> list[str]:
    if name in GATED:
        layers = range(_KINDS[name][1])
        keys = [f"{_prefix(name)}.{part}_l{layer}" for layer in layers for part in _CELL]
        return [*keys, *_linear("fc")]
    if _prefix(name) == "rnn":
        keys = [f"rnn.{part}" for part in _CELL]
    else:
        keys = _linear("input2h", "h2h", *(["f2h"] if "F" in name else []))
    return [*keys, *_linear("fc"), "alpha", *(["alpha_s"] if "S" in name else [])]


def _unused(name: str, key: str) -> bool:
    if name in GATED:
        return key == "alpha"
    return "EI" in name and (key.startswith("rnn.") or key in ("h2h.mask", "_sigma_rec"))


def _check_name(name: str) -> None:
    names = (*LEAKY, *GATED)
    if name not in names:
        raise ValueError(
            f"network must be one of {', '.join(names)}, got {name!r}{suggestion(name, names)}"
        )


def _check_weights(name: str, given: Mapping[str, Tensor]) -> None:
    wanted = _wanted(name)
    missing = [key for key in wanted if key not in given]
    unexpected = [key for key in given if key not in wanted]
    if missing or unexpected:
        raise ValueError(
            f"the weights of {name} must be {', '.join(wanted)}; missing: "
            f"{', '.join(missing) or 'none'}; unexpected: {', '.join(unexpected) or 'none'}"
        )
    for key, value in given.items():
        if "weight" in key and value.ndim != 2:
            raise ValueError(f"{key} of {name} must be a matrix, got shape {(*value.shape,)}")
        if not bool(value.isfinite().all()):
            raise ValueError(f"{key} of {name} must be finite, got NaN or infinity")
