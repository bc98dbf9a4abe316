"""One thing has one name and one type among the options of all commands."""

from __future__ import annotations

import importlib
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from types import NoneType
from typing import Any, get_args, get_type_hints

from neuro_common.verbs import load

CONFS = Path(__file__).parents[1].glob("packages/*/src/*/conf/info.yaml")
# What no option is called, and what it is called here.
SYNONYMS = {
    "batch": ("batch_size", "minibatch"),
    "clip_norm": ("max_grad_norm", "grad_clip"),
    "discard_s": ("settle_s", "ignore_s", "transient_s"),
    "epochs": ("n_epochs",),
    "learning_rate": ("lr", "step_size"),
    "members": ("ensemble", "n_members"),
    "num_envs": ("envs", "n_envs"),
    "output": ("out", "output_dir"),
    "resamples": ("n_resamples", "n_bootstrap"),
    "rows": ("top", "n_rows"),
    "threads": ("n_threads", "num_threads"),
    "units": ("n_units", "hidden_size"),
    "weights": ("checkpoint", "pretrained"),
}
# One word for several things, each of which is called so in its own field.
HOMONYMS = {"baselines", "muscles", "noise", "shift", "window"}


def options_of(schema: Any, groups: set[str]) -> Iterator[tuple[str, Any, Any]]:
    """Name, type without None, and default of each."""
    for name, hint in get_type_hints(schema).items():
        kept = [kind for kind in get_args(hint) if kind is not NoneType]
        kind = kept[0] if NoneType in get_args(hint) and len(kept) == 1 else hint
        if is_dataclass(kind):
            yield from () if name in groups else options_of(kind, groups)
        else:
            yield name, kind, getattr(schema, name, None)


def test_options_have_one_name_one_type_and_no_empty_default() -> None:
    types: dict[str, dict[Any, set[str]]] = defaultdict(lambda: defaultdict(set))
    for package in (path.parts[-3] for path in CONFS):
        for verb in importlib.import_module(f"{package}.cli").VERBS:
            schemas = [load(verb.schema)] if verb.schema else []
            for group in {*verb.groups} - {"algo"}:  # which is named as stable-baselines3 does
                schemas += load(verb.groups[group]).values()
            for schema in schemas:
                for name, kind, default in options_of(schema, set(verb.groups)):
                    types[name][kind].add(package)
                    # a choice's own name may be told by its file
                    assert default != "" or name == "name", (package, verb.name, name)
    assert set(SYNONYMS) <= set(types)
    assert not set(types) & {name for names in SYNONYMS.values() for name in names}
    several = {name for name, by in types.items() if len(by) > 1 < len(set().union(*by.values()))}
    assert several == HOMONYMS
