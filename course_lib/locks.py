"""One process at a time: lock files of the operating system, which let go when their process is gone, and who holds them."""

import os
import socket
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def lock(path: str | Path, *, told: str, wait: bool = False) -> Iterator[None]:
    """Inside, this process alone holds the lock file `path`; it may enter again.

    told: what the lock is on, for whoever meets it held.
    wait: whether to wait for the process that holds it, which is printed, or to raise BlockingIOError, which names it.
    """
    path = Path(path)
    holder, held = path.with_name(path.name + ".holder"), FileLock(path, is_singleton=True)
    try:
        held.acquire(timeout=0)
    except Timeout:
        try:
            who = holder.read_text()
        except OSError:  # it has just ended, or has not said so yet
            who = "another process"
        text = f"{told} is in use by {who}"
        if not wait:
            raise BlockingIOError(f"{text}: wait until it ends, or end it.") from None
        with suppress(OSError, ValueError):
            print(f"{text}: waiting until it ends ...", flush=True)
        held.acquire()
    try:
        if held.lock_counter == 1:
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}")
        yield
    finally:
        if held.lock_counter == 1:
            holder.unlink(missing_ok=True)
        held.release()
