"""Read the XML of OpenSim files: safely, and with messages that say where something is wrong."""

import os
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from neuro_common.files import FormatError

__all__ = [
    "FUNCTIONS",
    "body_rotation",
    "label",
    "number",
    "parse",
    "polynomial",
    "tail",
    "text",
    "truth",
    "vector",
]

Element = ElementTree.Element

FUNCTIONS = "Constant, LinearFunction, PolynomialFunction and MultiplierFunction"
"""The functions of joints that :func:`polynomial` understands."""


class _Builder(ElementTree.TreeBuilder):
    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise FormatError(f"it declares a document type ({name}), which no OpenSim file needs")


def parse(path: str | os.PathLike[str]) -> Element:
    """Root of an XML file; entities and document types are refused.

    Raises:
        FormatError: If the file cannot be read, is no XML or declares a document type.
    """
    where = Path(path)
    parser = ElementTree.XMLParser(target=_Builder())
    try:
        return ElementTree.fromstring(where.read_bytes(), parser=parser)
    except FormatError as error:
        raise FormatError(f"{where}: {error}") from None
    except ElementTree.ParseError as error:
        raise FormatError(f"{where} is no complete XML file: {error}") from None
    except FileNotFoundError:
        raise FormatError(
            f"{where} cannot be read: No such file; give the path of an OpenSim model (.osim), "
            f"absolute or from {Path.cwd()}"
        ) from None
    except OSError as error:
        raise FormatError(f"{where} cannot be read: {error.strerror}") from None


def label(element: Element) -> str:
    """What to call an element in a message."""
    name = element.get("name")
    return f"{element.tag} {name!r}" if name else element.tag


def text(element: Element, tag: str, otherwise: str = "") -> str:
    """Text of a child, stripped; ``otherwise`` where it is missing or empty."""
    found = element.findtext(tag)
    return (found or "").strip() or otherwise


def tail(element: Element, *tags: str) -> str:
    """Last part of a path such as ``/bodyset/ulna``, from the first child that has one."""
    for tag in tags:
        found = text(element, tag)
        if found:
            return found.rstrip("/").rsplit("/", 1)[-1]
    return ""


def truth(element: Element, tag: str, otherwise: bool) -> bool:
    """A child's true or false.

    Raises:
        FormatError: If it is neither.
    """
    found = text(element, tag, str(otherwise)).lower()
    if found not in ("true", "false", "1", "0"):
        raise FormatError(f"{label(element)}: {tag} must be true or false, got {found!r}")
    return found in ("true", "1")


def vector(
    element: Element, tag: str, size: int | None, otherwise: tuple[float, ...] | None = None
) -> NDArray[np.float64]:
    """A child's numbers.

    Args:
        element: The parent.
        tag: Name of the child.
        size: How many numbers there must be; any number of them for None.
        otherwise: What holds where the child is missing.

    Returns:
        Shape (size,).

    Raises:
        FormatError: If they are missing, too many or too few, or not finite numbers.
    """
    found = text(element, tag)
    if not found and otherwise is not None:
        return np.array(otherwise, dtype=np.float64)  # NaN may stand for what is not known
    try:
        values = np.array([float(word) for word in found.split()])
    except ValueError:
        raise FormatError(f"{label(element)}: {tag} must be numbers, got {found!r}") from None
    if (size is not None and len(values) != size) or not len(values):
        wanted = "numbers" if size is None else f"{size} numbers"
        raise FormatError(f"{label(element)}: {tag} must be {wanted}, got {found!r}")
    if not np.isfinite(values).all():
        raise FormatError(f"{label(element)}: {tag} must be finite, got {found!r}")
    return values


def number(element: Element, tag: str, otherwise: float | None = None) -> float:
    """A child's number; see :func:`vector`."""
    return float(vector(element, tag, 1, None if otherwise is None else (otherwise,))[0])


def body_rotation(angles: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rotation matrix (3, 3) of OpenSim's body-fixed X-Y-Z angles in rad."""
    (a, b, c), (x, y, z) = np.cos(angles), np.sin(angles)
    return np.array(
        [
            [b * c, -b * z, y],
            [a * z + x * y * c, a * c - x * y * z, -x * b],
            [x * z - a * y * c, x * c + a * y * z, a * b],
        ]
    )


def polynomial(function: Element, where: str) -> tuple[float, ...]:
    """Ascending powers of a function of one coordinate.

    Args:
        function: Such as a LinearFunction.
        where: What it belongs to, for the message.

    Raises:
        FormatError: If it is another function, such as a spline.
    """
    if function.tag == "Constant":
        return (number(function, "value"),)
    if function.tag == "LinearFunction":
        slope, start = vector(function, "coefficients", 2)
        return float(start), float(slope)
    if function.tag == "PolynomialFunction":
        return tuple(float(value) for value in vector(function, "coefficients", None)[::-1])
    if function.tag == "MultiplierFunction":
        scale = number(function, "scale", 1.0)
        inner = function.find("function")
        inside = list(inner) if inner is not None else []
        if len(inside) != 1:
            raise FormatError(f"{where}: its MultiplierFunction holds no function")
        return tuple(scale * value for value in polynomial(inside[0], where))
    raise FormatError(
        f"{where}: the function {function.tag} is not supported; {FUNCTIONS} are. "
        "Replace it by a polynomial of its coordinate"
    )
