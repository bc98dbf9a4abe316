"""One writer per directory: a lock of the operating system, which lets go of what is killed."""

import errno
import json
import logging
import os
import socket
import sys
import time
from contextlib import suppress
from pathlib import Path

from neuro_common.files import room_for

__all__ = ["Lock", "holder", "is_held"]

_log = logging.getLogger(__name__)
_ATTEMPTS = 4
_PAUSE_S = 0.05

if sys.platform == "win32":
    import msvcrt

    # Windows locks bytes against reading too: take one beyond the text that names the holder
    _BYTE = 1 << 20

    def _try_lock(descriptor: int, *, shared: bool) -> None:
        del shared  # Windows has no shared lock here
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)

    def _unlock(descriptor: int) -> None:
        os.lseek(descriptor, _BYTE, os.SEEK_SET)
        msvcrt.locking(descriptor, msvcrt.LK_UNLCK, 1)

else:
    import fcntl

    def _try_lock(descriptor: int, *, shared: bool) -> None:
        kind = fcntl.LOCK_SH if shared else fcntl.LOCK_EX
        fcntl.flock(descriptor, kind | fcntl.LOCK_NB)

    def _unlock(descriptor: int) -> None:
        fcntl.flock(descriptor, fcntl.LOCK_UN)


_TAKEN = frozenset({errno.EACCES, errno.EAGAIN, errno.EDEADLK, errno.EWOULDBLOCK})


class Lock:
    """An exclusive lock on a file, held until ``release`` or the end of the process."""

    def __init__(self, path: Path) -> None:
        """Take the lock and write process and host into the file.

        Args:
            path: File to lock, made if it is not there. It stays when the lock is released.

        Raises:
            BlockingIOError: Another writer holds it.
            DiskFull: There is no room to say who holds it.
        """
        text = json.dumps({"pid": os.getpid(), "host": socket.gethostname()})
        with room_for(path):
            self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
            try:
                self._acquire(path)
                os.ftruncate(self._descriptor, 0)
                os.lseek(self._descriptor, 0, os.SEEK_SET)
                os.write(self._descriptor, text.encode())
            except BaseException:
                os.close(self._descriptor)
                raise

    def _acquire(self, path: Path) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                _try_lock(self._descriptor, shared=False)
                return
            except OSError as error:
                if error.errno not in _TAKEN:
                    _log.warning("%s: this file system has no locks (%s)", path, error.strerror)
                    return
                # someone who only asks for the status holds it for a moment, a writer for long
                if attempt < _ATTEMPTS - 1:
                    time.sleep(_PAUSE_S)
        raise BlockingIOError(errno.EAGAIN, "locked by another writer", str(path))

    def release(self) -> None:
        """Let go; a second call does nothing."""
        if self._descriptor >= 0:
            with suppress(OSError):  # closing alone would not do while a forked child shares it
                _unlock(self._descriptor)
            os.close(self._descriptor)
            self._descriptor = -1


def is_held(path: Path) -> bool:
    """Whether a living process holds the lock on ``path``."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        _try_lock(descriptor, shared=True)
    except OSError as error:
        return error.errno in _TAKEN
    finally:
        os.close(descriptor)
    return False


def holder(path: Path) -> str:
    """Who took the lock on ``path`` last, in words."""
    try:
        text = json.loads(path.read_text(encoding="utf-8"))
        return f"process {text['pid']} on {text['host']}"
    except (OSError, ValueError, KeyError, TypeError):
        return "another process"
