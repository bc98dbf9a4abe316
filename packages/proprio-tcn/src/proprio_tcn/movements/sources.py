"""What a movement set was made with beside its settings: the files they name, and this package."""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from neuro_common.files import RunError
from proprio_tcn.movements_config import MovementSettings

__all__ = ["check_arm_file", "describe_sources", "differing_sources"]

_MODELS = (".osim", ".xml")
_OF_MYO_SIM = ("human", "elbow")
_PROGRAMS = {"version": "proprio-tcn", "myo_sim": "myo-sim"}


def describe_sources(settings: MovementSettings) -> dict[str, str]:
    """SHA-256 of the files of arm and pen, where these are paths, and the package's version.

    An arm of myo-sim has the version of that beside it. Files that a MuJoCo model includes are not
    looked into.

    Returns:
        By "arm", "pen", "version" and "myo_sim".

    Raises:
        FileNotFoundError: A file is not there.
    """
    paths = {}
    if Path(settings.arm).suffix.lower() in _MODELS:
        paths["arm"] = settings.arm
    if settings.movements == "letters" and settings.pen != "scripts":
        paths["pen"] = settings.pen
    digests = {name: _digest(Path(path), name) for name, path in paths.items()}
    return digests | _versions(settings.arm)


def differing_sources(before: dict[str, str], now: dict[str, str], *, done: bool) -> list[str]:
    """What is not what it was, in words; a finished set may be of another version.

    Args:
        before: Of the movement set.
        now: What ``describe_sources`` says.
        done: Whether the set is finished.
    """
    changed = [
        f"the file of {name} (SHA-256 {before.get(name, 'none')[:8]} then, "
        f"{now.get(name, 'none')[:8]} now)"
        for name in ("arm", "pen")
        if before.get(name) != now.get(name)
    ]
    before = {"version": "none"} | before
    changed += [
        f"{program} ({before[key]} then, {now[key]} now)"
        for key, program in _PROGRAMS.items()
        if not done and before.get(key, now.get(key)) != now.get(key)
    ]
    return changed


def check_arm_file(path: Path, arm: str, sources: dict[str, str]) -> None:
    """Refuse to render a movement set anew with another model or another version than its own.

    Args:
        path: The movement set, for messages.
        arm: Name or path of its arm.
        sources: What it was made with; empty for sets that do not say.

    Raises:
        FileNotFoundError: The model is not there.
        RunError: It is not the same any more, or this is another version of the package.
    """
    remedy = (
        "open it with arm=open_arm(...) if this is meant; sets of layout=rendered or layout=full "
        "need no arm to be opened"
    )
    if Path(arm).suffix.lower() in _MODELS:
        if not Path(arm).is_file():
            raise FileNotFoundError(
                f"{path} is rendered with the arm {arm}, which is not there (looked for "
                f"{Path(arm).resolve()}): give arm=open_arm(PATH), its path now, or work from "
                "the folder that the set was made in"
            )
        found = _digest(Path(arm), "arm")
        if sources.get("arm", found) != found:
            raise RunError(
                f"{path} must be rendered with the arm that it was made with, but {arm} has "
                f"changed since (SHA-256 {sources['arm'][:8]} then, {found[:8]} now): put the file "
                f"back, or {remedy}"
            )
    for key, here in _versions(arm).items():
        if (then := sources.get(key, here)) != here:
            program = _PROGRAMS[key]
            raise RunError(
                f"{path} was made with {program} {then} and this is {here}, which may render it "
                f"differently: generate it again, install {program}=={then}, or {remedy}"
            )


def _digest(path: Path, name: str) -> str:
    if not path.is_file():
        raise FileNotFoundError(
            f"{name} must be a name or the path of a file, and there is none at {path} (looked for "
            f"{path.resolve()}): give {name}=PATH"
        )
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _versions(arm: str) -> dict[str, str]:
    """Of this package, and of what brings the arm."""
    keys = _PROGRAMS if arm in _OF_MYO_SIM else ("version",)
    return {key: _version(_PROGRAMS[key]) for key in keys}


def _version(program: str) -> str:
    try:
        return version(program)
    except PackageNotFoundError:
        return "unknown"
