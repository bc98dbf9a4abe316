"""Long work shows how far it is: a bar on a terminal, a line now and then in a log file."""

import sys
import time
from collections.abc import Iterable, Iterator, Sized
from types import TracebackType
from typing import Any, Generic, Self, TypeVar, cast

from neuro_common.extras import require

__all__ = ["Progress", "progress"]

_EVERY_S = 10.0
_EVERY_PART = 0.1

Item = TypeVar("Item")


class Progress(Generic[Item]):
    """Iterate over it, or open it with ``with`` and call ``advance``; see ``progress``."""

    def __init__(
        self, items: Iterable[Item], total: int | None, description: str, metric: str
    ) -> None:
        """Prepare; nothing is shown before the work begins."""
        self._items = items
        self._total = total
        self._description = description
        self._metric = metric
        self._values: dict[str, float] = {}
        self._count = 0
        self._bar: Any = None
        self._started = self._shown_at = time.monotonic()
        self._shown_count = 0

    def show(self, value: float, **more: float) -> None:
        """Set the value of the metric, and of others by name, to be seen at the next step."""
        self._values = {self._metric: value, **more}

    def advance(self, steps: int = 1) -> None:
        """Count ``steps`` more steps as done."""
        self._count += steps
        if self._bar is not None:
            if self._values:
                texts = {name: f"{value:.4g}" for name, value in self._values.items()}
                self._bar.set_postfix(texts, refresh=False)
            self._bar.update(steps)
        elif self._line_is_due():
            self._print_line()

    def __iter__(self) -> Iterator[Item]:
        """Give the items, counting each when the next is asked for."""
        with self:
            for item in self._items:
                yield item
                self.advance()

    def __enter__(self) -> Self:
        """Begin to show."""
        self._started = self._shown_at = time.monotonic()
        if sys.stderr.isatty():
            tqdm = require("tqdm", "cli").tqdm
            self._bar = tqdm(total=self._total, desc=self._description, dynamic_ncols=True)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Show the last state and end."""
        if self._bar is not None:
            self._bar.close()
            self._bar = None
        elif self._count > self._shown_count:
            self._print_line()

    def _line_is_due(self) -> bool:
        waited = time.monotonic() - self._shown_at >= _EVERY_S
        part = self._total is not None and (
            self._count - self._shown_count >= max(1, _EVERY_PART * self._total)
        )
        return waited or part

    def _print_line(self) -> None:
        of_total = "" if self._total is None else f"/{self._total}"
        metric = "".join(f", {name} {value:.4g}" for name, value in self._values.items())
        elapsed = time.monotonic() - self._started
        text = f"{self._description}: {self._count}{of_total} in {elapsed:.0f} s{metric}"
        print(text, file=sys.stderr, flush=True)
        self._shown_at, self._shown_count = time.monotonic(), self._count


def progress(
    work: Iterable[Item] | int, description: str, metric: str = "metric"
) -> Progress[Item]:
    """Show how far long work is, on standard error.

    A terminal gets a bar (tqdm, extra ``cli``), anything else a line every tenth of the work or
    every ten seconds, whichever comes first.

    >>> for episode in (shown := progress(range(3), "evaluate", metric="residual")):
    ...     shown.show(1 / (1 + episode))
    >>> with progress(128, "train", metric="reward") as shown:
    ...     shown.advance(64)

    Args:
        work: What to iterate over, or the number of steps.
        description: What is being done.
        metric: Name of the number that ``show`` sets.
    """
    if isinstance(work, int):
        return Progress(cast("Iterable[Item]", range(work)), work, description, metric)
    total = len(work) if isinstance(work, Sized) else None
    return Progress(work, total, description, metric)
