"""Whole or not at all: every small file is written atomically and names its format and version."""

import csv
import errno
import io
import json
import os
import secrets
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from enum import Enum
from itertools import zip_longest
from pathlib import Path, PurePath
from typing import Any

__all__ = [
    "FORMAT_VERSION",
    "DiskFull",
    "FormatError",
    "RunError",
    "atomic_path",
    "check_format",
    "flush_to_disk",
    "read_csv",
    "read_json",
    "room_for",
    "to_json",
    "write_csv",
    "write_json",
]

FORMAT_VERSION = 1
"""Version of every format that neuro-common writes; a newer one is refused on reading."""

# a disk, a user's share of it, and a file that may not grow (Windows has no EDQUOT)
_NO_ROOM = {errno.ENOSPC, errno.EFBIG, getattr(errno, "EDQUOT", errno.ENOSPC)}


class RunError(Exception):
    """Something about a run or its files that the user can mend; the message says how."""


class FormatError(RunError):
    """A file is truncated, foreign, or of a newer format than this version reads."""


class DiskFull(RunError):
    """There is no room for a file; what was there is as it was."""


@contextmanager
def room_for(path: Path) -> Iterator[None]:
    """Name file and disk when there is no room to write, of which the system's error says neither.

    Args:
        path: File that is written meanwhile.

    Raises:
        DiskFull: A write failed because disk, quota or the limit of a file's size is used up.
    """
    try:
        yield
    except OSError as error:
        if error.errno not in _NO_ROOM:
            raise
        folder = next(parent for parent in path.absolute().parents if parent.exists())
        disk, reason = shutil.disk_usage(folder), os.strerror(error.errno or 0)
        raise DiskFull(
            f"{path} must be written, but there is no room ({reason}): the "
            f"disk of {folder} has {disk.free / 1e6:.1f} of {disk.total / 1e6:.1f} MB free without "
            "it; what was there is as it was, so make room and take the work up again"
        ) from error


@contextmanager
def atomic_path(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary sibling of ``path`` to write to, and rename it to ``path`` on success.

    The temporary name keeps the suffix, parents are made, and nothing is left behind on failure,
    so that a reader sees the old file or the new one, never half of one.

    Args:
        path: Where the finished file shall be.

    Yields:
        The temporary path, in the same folder.

    Raises:
        DiskFull: There is no room for the file.
    """
    target = Path(path)
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    with room_for(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            flush_to_disk(temporary)
            os.replace(temporary, target)
        finally:
            temporary.unlink(missing_ok=True)
    # the new name is safe from a power cut where the system can flush a folder, which not all can
    with suppress(OSError):
        flush_to_disk(target.parent, os.O_RDONLY)


def flush_to_disk(path: Path, mode: int = os.O_RDWR) -> None:
    """Have the system write what it holds back; a network's disk may say only now that it is full.

    Args:
        path: File, or with ``os.O_RDONLY`` a folder.
        mode: How to open it.
    """
    descriptor = os.open(path, mode)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _plain(value: Any) -> Any:
    """Turn what JSON does not know into what it does: paths, enums, numpy scalars and arrays."""
    if isinstance(value, PurePath):
        return value.as_posix()
    if isinstance(value, Enum):
        return value.name
    if hasattr(value, "tolist"):
        return value.tolist()
    raise TypeError(
        f"only plain values, paths, enums and arrays go into JSON, got {type(value).__name__}"
    )


def to_json(data: Any, *, indent: int | None = 2, sort_keys: bool = False) -> str:
    """Strict JSON, which has no NaN or infinity.

    Raises:
        ValueError: A number is not finite.
        TypeError: A value has no plain form.
    """
    try:
        return json.dumps(
            data,
            indent=indent,
            sort_keys=sort_keys,
            ensure_ascii=False,
            allow_nan=False,
            default=_plain,
        )
    except ValueError as error:
        raise ValueError(
            f"numbers must be finite to go into JSON, got {error}: use null for what has no value"
        ) from None


def write_json(path: str | os.PathLike[str], data: Mapping[str, Any], format_name: str) -> None:
    """Write a JSON object, headed by its format and version, atomically.

    Args:
        path: File to write; an older one is replaced.
        data: Plain values, paths, enums, numpy scalars and arrays.
        format_name: Name that ``read_json`` will ask for, such as ``"neuro-common/report"``.

    Raises:
        ValueError: A number is NaN or infinite, which JSON cannot hold.
        TypeError: A value has no plain form.
    """
    text = to_json({"format": format_name, "format_version": FORMAT_VERSION, **data})
    with atomic_path(path) as temporary:
        temporary.write_text(text + "\n", encoding="utf-8")


def read_json(path: str | os.PathLike[str], format_name: str) -> dict[str, Any]:
    """Read what ``write_json`` wrote, ``format`` and ``format_version`` included.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is truncated, of another format, or of a newer version.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
    except ValueError as error:
        raise FormatError(
            f"{path} must be a complete JSON file, got one that breaks off or is no JSON "
            f"({error}): restore it from a copy, or delete it"
        ) from None
    found = data if isinstance(data, dict) else {}
    check_format(path, found.get("format"), found.get("format_version"), format_name)
    return found


def check_format(
    path: str | os.PathLike[str], found_name: object, found_version: object, format_name: str
) -> None:
    """Refuse a file of another format, or of a version that is newer than this code.

    Args:
        path: The file, for the message.
        found_name: Format that the file claims, or None.
        found_version: Version that the file claims, or None.
        format_name: Format that was wanted.

    Raises:
        FormatError: Name or version do not fit.
    """
    if found_name != format_name:
        raise FormatError(
            f'{path} must have the format "{format_name}", got {found_name!r}: give a file that '
            "neuro-common wrote for this purpose"
        )
    if isinstance(found_version, bool) or not isinstance(found_version, int) or found_version < 1:
        raise FormatError(f"{path} must have a whole format_version >= 1, got {found_version!r}")
    if found_version > FORMAT_VERSION:
        raise FormatError(
            f"{path} must have format_version <= {FORMAT_VERSION}, got {found_version}: "
            "a newer release wrote it, so update with pip install --upgrade neuro-common"
        )


def write_csv(path: str | os.PathLike[str], columns: Mapping[str, Sequence[Any]]) -> None:
    """Write named columns as CSV, atomically; floats keep all their digits.

    Args:
        path: File to write; an older one is replaced.
        columns: Column name to values, one-dimensional. Shorter columns end in empty cells.

    Raises:
        ValueError: There is no column.
    """
    if not columns:
        raise ValueError(f"{path} must have at least one column, got none")
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(zip_longest(*(_plain_list(c) for c in columns.values()), fillvalue=""))
    with atomic_path(path) as temporary:
        temporary.write_text(text.getvalue(), encoding="utf-8", newline="")


def _plain_list(values: Sequence[Any]) -> list[Any]:
    # tolist gives python floats, whose repr is the shortest that reads back to the same number
    plain: list[Any] = values.tolist() if hasattr(values, "tolist") else list(values)
    return plain


def read_csv(path: str | os.PathLike[str]) -> dict[str, list[str]]:
    """Read a CSV file with one header row; every cell stays text.

    Returns:
        Column name to cells, all of one length.

    Raises:
        FileNotFoundError: There is no such file.
        FormatError: The file is empty, no text, a folder, repeats a column, or has a row of another
            length.
    """
    if os.path.isdir(path):
        raise FormatError(f"{path} must be a CSV text file, got a folder: name a file in it")
    try:
        with open(path, encoding="utf-8", newline="") as file:
            rows = list(csv.reader(file))
    except (UnicodeDecodeError, csv.Error) as error:
        raise FormatError(f"{path} must be a CSV text file, got something else ({error})") from None
    header, body = (rows[0], rows[1:]) if rows else ([], [])
    if not header or len(set(header)) < len(header):
        raise FormatError(f"{path} must begin with a row of distinct column names, got {header}")
    for line, row in enumerate(body, start=2):
        if len(row) != len(header):
            raise FormatError(
                f"{path} must have {len(header)} cells in every row, got {len(row)} in row {line}: "
                "it was cut short or edited; restore it from a copy"
            )
    return {name: [row[index] for row in body] for index, name in enumerate(header)}
