"""The suite's files: a submission, its table, and the rows that it stands beside.

``rldbs-env benchmark suite controller=NAME`` writes ``suite.json``, the submission, which
`read_submission` checks against the suite itself, and ``suite.csv``, its summary. The rows of the
package's own controllers, one file per environment in ``reference``, are the ``suite.csv`` of
sweeps over controllers; ``nox -s make_reference`` has the commands.
"""

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from pathlib import Path
from typing import Any

from neuro_common.files import FormatError, read_csv, read_json, to_json, write_csv, write_json
from rldbs_env.catalogue import id_of
from rldbs_env.records import record_of
from rldbs_env.scoring import Score
from rldbs_env.suite import Submission, overall, protocols, suite_table

__all__ = [
    "OVERALL",
    "REFERENCE",
    "label_of",
    "read_reference",
    "read_submission",
    "suite_rows",
    "write_submission",
]

REFERENCE = Path(__file__).parent / "reference"
"""Where the rows of the package's own controllers are, ``suite_BvdP.csv`` for `rldbs/BvdP-v0`."""

OVERALL = "overall"
"""What stands for a condition in the rows of overall scores."""

_FORMAT = "rldbs-env/suite"
_TOLERANCE = 1e-9


def write_submission(submission: Submission, directory: Path) -> None:
    """Write ``suite.json`` and ``suite.csv``."""
    content = _content(submission)
    write_json(directory / "suite.json", content | {"sha256": _digest(content)}, _FORMAT)
    write_csv(directory / "suite.csv", suite_rows([submission]))


def _content(submission: Submission) -> dict[str, Any]:
    tests = protocols(
        submission.environment, n_ensembles=submission.n_ensembles, seed=submission.seed
    )
    return {
        "controller": submission.controller,
        "arguments": dict(submission.arguments),
        "environment": submission.environment,
        "n_ensembles": submission.n_ensembles,
        "seed": submission.seed,
        "versions": dict(submission.versions),
        "overall": overall(submission)._asdict(),
        "conditions": {
            name: {
                "protocol": record_of(tests[name]),
                "scores": [_plain(one) for one in scores],
            }
            for name, scores in submission.scores.items()
        },
    }


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(to_json(content, indent=None, sort_keys=True).encode()).hexdigest()


def _plain(one: Score) -> dict[str, Any]:
    """A score as JSON can hold it: numbers that are not finite as text."""
    return {
        name: str(value) if isinstance(value, float) and not math.isfinite(value) else value
        for name, value in asdict(one).items()
    }


def _score(plain: Mapping[str, Any]) -> Score:
    kinds: dict[str, Any] = {entry.name: entry.type for entry in fields(Score)}
    for name, value in plain.items():
        wanted = (float, int, str) if kinds[name] is float else (kinds[name],)
        if type(value) not in wanted:
            raise ValueError(f"{name} must be of type {kinds[name].__name__}, got {value!r}")
    return Score(**{name: kinds[name](value) for name, value in plain.items()})


def read_submission(path: Path) -> Submission:
    """Read and check a ``suite.json``.

    Raises:
        FileNotFoundError: There is no such file.
        neuro_common.runs.FormatError: The file is damaged, foreign or of a newer version, was
            edited, lacks a condition or an ensemble, or comes from another version of the suite.
    """
    found = read_json(path, _FORMAT)
    content = {k: v for k, v in found.items() if k not in ("format", "format_version", "sha256")}
    if found.get("sha256") != _digest(content):
        raise FormatError(
            f"{path} must have the SHA-256 that it was written with, got another: it was edited "
            "or damaged; run the suite again"
        )
    try:
        conditions = content["conditions"]
        submission = Submission(
            controller=str(content["controller"]),
            arguments=dict(content["arguments"]),
            environment=str(content["environment"]),
            n_ensembles=int(content["n_ensembles"]),
            seed=int(content["seed"]),
            scores={
                name: [_score(one) for one in condition["scores"]]
                for name, condition in conditions.items()
            },
            versions=dict(content["versions"]),
        )
        _check(submission, content)
    except FormatError:
        raise
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise FormatError(f"{path} holds no submission that can be read: {error!r}") from error
    return submission


def _check(submission: Submission, content: Mapping[str, Any]) -> None:
    """Refuse what is not the whole suite, or does not agree with itself."""
    tests = protocols(
        submission.environment, n_ensembles=submission.n_ensembles, seed=submission.seed
    )
    missing = [name for name in tests if name not in submission.scores]
    strange = [name for name in submission.scores if name not in tests]
    if missing or strange:
        raise FormatError(
            f"a submission must hold the conditions {', '.join(tests)}; this one lacks "
            f"{', '.join(missing) or 'none'} and has {', '.join(strange) or 'none'} beside them: "
            "run the suite again"
        )
    for name, test in tests.items():
        if content["conditions"][name]["protocol"] != record_of(test):
            raise FormatError(
                f"condition {name} must be tested as this version's suite does, got another test: "
                "run the suite again"
            )
        scores = submission.scores[name]
        if [one.ensemble for one in scores] != list(test.ensembles):
            raise FormatError(
                f"condition {name} must have the ensembles {list(test.ensembles)}, got "
                f"{[one.ensemble for one in scores]}: run the suite again"
            )
        for one in scores:
            _check_score(name, one)
    total = overall(submission)._asdict()
    if content["overall"].keys() != total.keys() or not all(
        _same(content["overall"][name], value) for name, value in total.items()
    ):
        raise FormatError(
            f"the overall score must be that of the conditions, {overall(submission)}, got "
            f"{content['overall']}: run the suite again"
        )


def _same(found: object, wanted: object) -> bool:
    """Equal, numbers within rounding: another machine may have summed them."""
    if isinstance(wanted, float) and isinstance(found, float):
        return math.isclose(found, wanted, rel_tol=_TOLERANCE)
    return found == wanted


def _check_score(name: str, one: Score) -> None:
    failed = one.quenched or one.diverged
    wanted = math.nan if failed else one.std_free / one.std_controlled
    agrees = math.isclose(one.s_ratio, wanted, rel_tol=_TOLERANCE) or (
        failed and math.isnan(one.s_ratio)
    )
    if not agrees:
        raise FormatError(
            f"S_ratio must be the free std over the controlled one, and NaN for what is quenched "
            f"or diverged: {wanted} in ensemble {one.ensemble} of {name}, got {one.s_ratio}"
        )


def suite_rows(submissions: Sequence[Submission]) -> dict[str, list[Any]]:
    """One row per controller and condition, and one for each controller's overall score.

    In that row ``s_ratio`` is the geometric mean over the conditions, its range that of their
    medians, and ``charge`` the mean of theirs.
    """
    rows: list[dict[str, Any]] = []
    for one in submissions:
        head = {"environment": one.environment, "controller": label_of(one)}
        table, total = suite_table(one), overall(one)
        rows += [
            head | dict(zip(table, row, strict=True)) for row in zip(*table.values(), strict=True)
        ]
        rows.append(
            head
            | dict.fromkeys(table, math.nan)
            | {
                "condition": OVERALL,
                "s_ratio": total.s_ratio,
                "s_ratio_min": min(table["s_ratio"]),
                "s_ratio_max": max(table["s_ratio"]),
                "charge": total.charge,
                "quenched": total.quenched,
                "diverged": total.diverged,
                "ensembles": sum(table["ensembles"]),
            }
        )
    return {name: [row[name] for row in rows] for name in rows[0]}


def label_of(submission: Submission) -> str:
    """Name and arguments, as one would type them."""
    told = " ".join(f"{name}={value}" for name, value in submission.arguments.items())
    return f"{submission.controller} {told}".strip()


def read_reference(environment: str, directory: Path = REFERENCE) -> dict[str, list[Any]]:
    """The rows of the package's own controllers, as `suite_rows` makes them.

    Args:
        environment: As for `rldbs_env.suite.protocols`.
        directory: Where the files are.

    Returns:
        Columns by name; none where no rows on this environment are shipped.

    Raises:
        neuro_common.runs.FormatError: If the file is damaged or holds something else.
    """
    short = id_of(environment).removeprefix("rldbs/").removesuffix("-v0")
    path = directory / f"suite_{short}.csv"
    if not path.is_file():
        return {}
    columns = read_csv(path)
    texts = ("environment", "controller", "condition")
    try:
        return {
            name: cells if name in texts else [float(cell) for cell in cells]
            for name, cells in columns.items()
        }
    except ValueError as error:
        raise FormatError(f"{path} must hold the suite's rows, got {error}") from error
