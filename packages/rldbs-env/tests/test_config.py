"""What commands can be told: defaults that agree with the library's, and what is refused."""

import re
from dataclasses import fields, is_dataclass
from importlib.resources import files
from inspect import cleandoc
from typing import Any

import pytest
from omegaconf import OmegaConf

from neuro_common.cli import UsageError, compose
from neuro_common.export_config import ExportConfig
from rldbs_env import BonhoefferVanDerPol, config
from rldbs_env.cli import VERBS
from rldbs_env.config import (
    BenchmarkConfig,
    EvaluateConfig,
    FiguresConfig,
    InfoConfig,
    SuiteConfig,
    TrainConfig,
    TuneConfig,
)
from rldbs_env.controllers import make
from rldbs_env.hyperparameters import ALGORITHMS, AlgoConfig, OffPolicyConfig, OnPolicyConfig
from rldbs_env.protocol import Protocol

SCHEMAS = {
    "evaluate": EvaluateConfig,
    "train": TrainConfig,
    "tune": TuneConfig,
    "export": ExportConfig,
    "figures": FiguresConfig,
    "benchmark": BenchmarkConfig,
    "benchmark suite": SuiteConfig,
    "info": InfoConfig,
}


def composed(verb: str, *overrides: str) -> Any:
    return OmegaConf.to_object(compose("rldbs-env", VERBS, verb, overrides))


def test_an_evaluation_has_the_protocols_own_defaults() -> None:
    told, test = EvaluateConfig(), Protocol()
    shared = {f.name for f in fields(told)} & {f.name for f in fields(test)}
    left_to_the_environment = {
        "n_neurons", "free_steps", "controlled_steps", "recovery_steps",
    }  # fmt: skip
    assert shared == {"model", "seed", "threads"} | left_to_the_environment
    for name in ("seed", "threads"):
        assert getattr(told, name) == getattr(test, name), name
    for name in left_to_the_environment:
        assert getattr(told, name) is None
    assert told.model == {}
    assert Protocol.on(told.environment, told.difficulty) == test
    ensembles = range(told.first_seed, told.first_seed + told.n_ensembles)
    assert tuple(ensembles) == test.ensembles


def test_what_is_evaluated_by_default_is_left_to_the_run() -> None:
    told = EvaluateConfig()
    assert (told.run, told.controllers) == (None, None)


def test_figures_need_a_run() -> None:
    with pytest.raises(TypeError, match="run"):
        FiguresConfig()  # type: ignore[call-arg]
    assert OmegaConf.is_missing(compose("rldbs-env", VERBS, "figures"), "run")


@pytest.mark.parametrize("verb", SCHEMAS)
def test_every_verb_composes_to_its_dataclass(verb: str) -> None:
    told: Any = composed(verb, *(["run=here"] if verb == "figures" else []))
    schema: Any = SCHEMAS[verb]
    assert issubclass(type(told), schema)
    plain = schema(run="here") if schema is FiguresConfig else schema()
    wanted = asdict_of(plain)
    if verb in ("train", "tune"):  # the environment's file may spell the model's own numbers out
        assert BonhoefferVanDerPol(**told.model) == BonhoefferVanDerPol(**wanted.pop("model"))
    if verb == "tune":  # and what is varied has a file for each algorithm
        assert wanted.pop("space") != told.space
    assert {name: getattr(told, name) for name in wanted} == wanted
    assert told.resume is False


def asdict_of(plain: Any) -> dict[str, Any]:
    """The fields, nested dataclasses as they are."""
    return {f.name: getattr(plain, f.name) for f in fields(plain)}


def test_verbs_with_a_config_are_those_with_a_file() -> None:
    files_there = {f.name for f in files("rldbs_env.conf").iterdir() if f.name.endswith(".yaml")}
    hydra_verbs = {verb.name for verb in VERBS if verb.schema is not None}
    assert files_there == {f"{name.replace(' ', '_')}.yaml" for name in hydra_verbs}
    assert hydra_verbs == set(SCHEMAS)


def test_overrides_reach_the_dataclass() -> None:
    told = composed(
        "evaluate", "controllers=[pid]", "model.coupling=0.05", "arguments.pid.leak=0.5", "seed=3"
    )
    assert told.model == {"coupling": 0.05}
    assert (told.controllers, told.arguments, told.seed) == (["pid"], {"pid": {"leak": 0.5}}, 3)
    assert make("pid", **told.arguments["pid"]).leak == 0.5  # type: ignore[attr-defined]


@pytest.mark.parametrize("name", ALGORITHMS)
def test_an_algorithm_has_its_own_options(name: str) -> None:
    told = composed("train", f"algo={name}", "algo.gamma=0.5")
    assert (type(told.algo), told.algo.name, told.algo.gamma) == (ALGORITHMS[name], name, 0.5)
    wanted = r"'algo\.gama' is no option \(did you mean 'gamma'\?\)"
    with pytest.raises(UsageError, match=wanted) as refused:
        composed("train", f"algo={name}", "algo.gama=0.5")
    valid = str(refused.value).rpartition("are ")[2].split(", ")
    assert valid == [field.name for field in fields(ALGORITHMS[name])]


@pytest.mark.parametrize("env", ["bvdp", "charge_balanced", "hindmarsh_rose"])
@pytest.mark.parametrize("name", ALGORITHMS)
def test_every_algorithm_goes_with_every_environment(env: str, name: str) -> None:
    told = composed("train", f"algo={name}", f"env={env}")
    assert type(told.algo) is ALGORITHMS[name]
    assert bool(told.levels) == ((env, name) == ("bvdp", "dqn"))


def test_arguments_and_numbers_of_a_model_need_no_plus() -> None:
    suite = composed(
        "benchmark suite", "controller=pid", "arguments.leak=0.5", "+arguments.window=9"
    )
    assert (suite.controller, suite.arguments) == ("pid", {"leak": 0.5, "window": 9})
    assert composed("evaluate", "+model.dt=0.1").model == {"dt": 0.1}
    assert composed("train", "model.coupling=0.04").model["coupling"] == 0.04


@pytest.mark.parametrize(
    "schema",
    [
        *(getattr(config, name) for name in config.__all__),
        *(AlgoConfig, OnPolicyConfig, OffPolicyConfig, *ALGORITHMS.values()),
    ],
)
def test_every_option_is_explained_where_it_is_defined(schema: Any) -> None:
    assert is_dataclass(schema)
    told = cleandoc(schema.__doc__ or "").partition("Raises:")[0]
    explained = re.findall(r"^ {4}(\w+): ", told, re.MULTILINE)
    inherited = {f.name for base in schema.__mro__[1:-1] for f in fields(base)}
    assert explained == [field.name for field in fields(schema) if field.name not in inherited]
