"""Where the contacts of an epidural lead lie."""

import csv
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError

__all__ = ["SPECIFY_565", "Lead", "read_lead"]

_COLUMNS = ("contact", "x_mm", "z_mm")


@dataclass(frozen=True, eq=False)
class Lead:
    """A paddle of contacts behind the cord, and the case of the pulse generator, far away.

    Contacts count from 0; the case comes last and has no place.

    Attributes:
        name: What it is called.
        x_mm: Across the cord, right positive, shape (contacts,), NaN for the case.
        z_mm: Along the cord, caudal positive, shape (contacts,), NaN for the case.
        contact_mm: Width and length of one contact.

    Raises:
        ValueError: The places are not two rows of finite numbers with the case at the end, or two
            contacts lie at one place.
    """

    name: str
    x_mm: NDArray[np.float64]
    z_mm: NDArray[np.float64]
    contact_mm: tuple[float, float] = (1.5, 4.0)

    def __post_init__(self) -> None:
        places = np.stack([self.x_mm, self.z_mm], axis=1)
        if len(places) < 3 or not np.isnan(places[-1]).all():
            raise ValueError(
                "a lead must have at least two contacts and, last, a case at NaN, got "
                f"{places.tolist()}"
            )
        if not np.isfinite(places[:-1]).all():
            raise ValueError(f"the places of contacts must be finite, got {places[:-1].tolist()}")
        if len(np.unique(places[:-1], axis=0)) < len(places) - 1:
            raise ValueError(f"contacts must differ in place, got {places[:-1].tolist()}")

    def __len__(self) -> int:
        return len(self.x_mm)

    @property
    def case(self) -> int:
        """Index of the case."""
        return len(self) - 1

    @cached_property
    def mirror(self) -> NDArray[np.int64]:
        """For each contact the one at its mirror image, shape (contacts,).

        Raises:
            ValueError: The lead is not symmetric.
        """
        places = np.stack([self.x_mm, self.z_mm], axis=1)[:-1]
        distance = np.abs(places[:, None] * [-1, 1] - places[None]).sum(axis=2)
        nearest = distance.argmin(axis=1)
        (alone,) = np.nonzero(distance.min(axis=1) > 1e-6)
        if alone.size:
            raise ValueError(
                f"contact {alone[0]} of lead {self.name} must have a mirror image at x = "
                f"{-places[alone[0], 0]:g} mm, got none: mirror=None leaves symmetry out"
            )
        return np.append(nearest, self.case).astype(np.int64)


def _specify_565() -> Lead:
    pitch = 9.5
    x, z = np.full(17, np.nan), np.full(17, np.nan)
    for row, contact in enumerate((1, 0, 15, 14)):
        x[contact], z[contact] = 0.0, pitch * row
    for row, (left, right) in enumerate(zip((7, 6, 5, 4, 3), (13, 12, 11, 10, 9), strict=True)):
        x[left], x[right] = -3.5, 3.5
        z[left] = z[right] = 4.5 + pitch * row
    x[2], x[8] = -1.1, 1.1
    z[2] = z[8] = 42.5
    return Lead("Specify 5-6-5", x, z)


SPECIFY_565 = _specify_565()
"""Three columns of five, six and five contacts. The places were read from a published drawing, with
contacts of 1.5 x 4 mm as its scale; they were not verified against a data sheet."""


def read_lead(path: Path) -> Lead:
    """Read a lead from a table with the columns contact, x_mm, z_mm; the case is added.

    Args:
        path: A CSV file with one row for each contact, counted from 0.

    Raises:
        FormatError: A column, a contact or a number is missing or wrong; the message names the row.
    """
    with path.open(newline="", encoding="utf-8") as file:
        reader = csv.DictReader(file)
        if missing := [name for name in _COLUMNS if name not in (reader.fieldnames or ())]:
            raise FormatError(
                f"{path} must have the columns {', '.join(_COLUMNS)}, lacks {missing}"
            )
        rows = list(reader)
    x, z = np.full(len(rows) + 1, np.nan), np.full(len(rows) + 1, np.nan)
    for line, row in enumerate(rows, start=2):
        try:
            contact, place = int(row["contact"]), (float(row["x_mm"]), float(row["z_mm"]))
        except (TypeError, ValueError) as error:
            raise FormatError(f"{path} row {line}: {error}; wanted a contact and two mm") from error
        if not 0 <= contact < len(rows) or np.isfinite(x[contact]):
            raise FormatError(
                f"{path} row {line}: contacts must count from 0 to {len(rows) - 1}, each once, "
                f"got {contact}"
            )
        x[contact], z[contact] = place
    try:
        return Lead(path.stem, x, z)
    except ValueError as error:
        raise FormatError(f"{path}: {error}") from error
