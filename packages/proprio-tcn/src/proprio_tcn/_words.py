"""Numbers of things as people say them."""

__all__ = ["counted"]


def counted(number: int, noun: str, nouns: str | None = None) -> str:
    """A number with its noun, which is plural unless there is one: "1 network", "2 networks".

    Args:
        number: How many.
        noun: In the singular.
        nouns: In the plural; None adds an s.
    """
    return f"{number} {noun if number == 1 else nouns or f'{noun}s'}"
