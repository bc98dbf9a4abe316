"""The command `rldbs-env`: its dispatcher needs nothing that the light installation lacks."""

import signal
import sys
import threading
from collections.abc import Sequence

__all__ = ["main"]

_EXTRA_VERBS = (
    "evaluate",
    "train",
    "tune",
    "figures",
    "export",
    "benchmark",
    "benchmark suite",
    "info",
)
_LIGHT_HELP = """usage: rldbs-env VERB [arguments]

  demo  Every shipped controller tries to silence a synchronised population.
          rldbs-env demo --output results/demo/rldbs-env

evaluate, figures, benchmark, benchmark suite and info come with: pip install "rldbs-env[cli]"
train comes with: pip install "rldbs-env[train]"
tune comes with: pip install "rldbs-env[tune]"
export comes with: pip install "rldbs-env[export]"
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one verb; returns the exit code (0 done, 1 mendable, 2 usage, 130 stopped)."""
    words = list(sys.argv[1:] if argv is None else argv)
    if words[:1] == ["demo"]:
        return _demo(words[1:])
    try:
        import omegaconf  # noqa: F401 - the cli imports it late, too late for this message

        import neuro_common.cli
        from rldbs_env.cli import VERBS
    except ModuleNotFoundError as error:
        if (error.name or "").startswith("rldbs_env"):
            raise
        return _without_extra(words)
    return neuro_common.cli.main("rldbs-env", VERBS, words)


def _demo(words: list[str]) -> int:
    from rldbs_env.demo import main as demo

    if threading.current_thread() is threading.main_thread():
        signal.signal(signal.SIGTERM, signal.default_int_handler)  # stopped as by Ctrl-C
    try:
        return demo(words)
    except KeyboardInterrupt:
        print("rldbs-env demo: stopped", file=sys.stderr)
        return 130
    except OSError as error:
        print(f"rldbs-env demo: {error}", file=sys.stderr)
        return 1


def _without_extra(words: list[str]) -> int:
    if words in (["--help"], ["-h"]):
        print(_LIGHT_HELP, end="")
        return 0
    if words == ["--version"]:
        from importlib.metadata import PackageNotFoundError, version

        try:
            print("rldbs-env", version("rldbs-env"))
        except PackageNotFoundError:
            print("rldbs-env not installed")
        return 0
    if not words:
        print(_LIGHT_HELP, end="", file=sys.stderr)
        return 2
    verb = " ".join(words[:2])
    if verb not in _EXTRA_VERBS:
        verb = words[0]
    if verb not in _EXTRA_VERBS:
        verbs = ", ".join(("demo", *_EXTRA_VERBS))
        print(f"rldbs-env: {words[0]!r} is no verb; the verbs are {verbs}", file=sys.stderr)
        return 2
    extra = verb if verb in ("train", "tune", "export") else "cli"
    message = f'rldbs-env {verb} needs more packages: pip install "rldbs-env[{extra}]"'
    print(message, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
