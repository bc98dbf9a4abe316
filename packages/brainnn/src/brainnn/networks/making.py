"""Networks from their configuration: on a connectome, on a null model of it, or without one."""

from typing import Any, cast

from brainnn.connectome.graph import Connectome
from brainnn.connectome.nulls import NULL_KINDS, null_model
from brainnn.networks.controls import matched_control
from brainnn.networks.core import Core
from brainnn.networks.rnn import ConnectomeRNN
from brainnn.networks.roles import choose_roles
from brainnn.networks.wiring import Wiring
from brainnn.train_config import NETWORKS, MatchedConfig, NetworkConfig, WiredConfig
from neuro_common.seeding import generator

__all__ = ["make_network"]

_ROLES, _NULL, _WEIGHTS = range(3)  # keys of the generators


def make_network(
    config: NetworkConfig, connectome: Connectome, channels: int, actions: int, *, seed: int
) -> Core:
    """Make a network, untrained.

    A null model has the input and read-out neurons of the connectome.

    Args:
        config: Which network; one without connectome is matched to what it says of one.
        connectome: The wiring, or what the wiring is drawn from.
        channels: Numbers in an observation.
        actions: Numbers in an action.
        seed: Of drawn roles, of the first weights, and of the null model if it has no own one.

    Raises:
        ValueError: The network is unknown, or what the parts refuse.
    """
    if config.name not in NETWORKS:
        raise ValueError(f"network must be one of {', '.join(NETWORKS)}, got {config.name!r}")
    roles = choose_roles(connectome, config.inputs, config.outputs, rng=generator(seed, _ROLES))
    if isinstance(config, WiredConfig) and config.name in NULL_KINDS:
        rng = generator(seed if config.draw is None else config.draw, _NULL)
        connectome = null_model(
            connectome, config.name, rng, inputs=roles.inputs, outputs=roles.outputs
        )
    first_seed = int(generator(seed, _WEIGHTS).integers(2**31))
    core = ConnectomeRNN(
        Wiring.of(connectome, config.strength, cast(Any, config.gains)),
        roles,
        channels,
        actions,
        seed=first_seed,
        substeps=config.substeps,
        dt_ms=config.dt_ms,
        tau_ms=config.tau_ms,
        train_tau=config.train_tau,
        train_bias=config.train_bias,
        train_initial_state=config.train_initial_state,
        activation=config.activation,
        spectral_radius=config.spectral_radius,
        path=cast(Any, config.path),
    )
    if isinstance(config, MatchedConfig):
        return matched_control(cast(Any, config.name), core, seed=first_seed)
    return core
