"""Ctrl-C, and the request to end, wait until a step is done."""

import os
import signal
import sys
import threading
from contextlib import contextmanager

ASKING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]  # Windows has no SIGHUP


def ends_at_once():
    """Ctrl-C ends the process with a sentence, while it has nothing to lose; `signal.default_int_handler` takes over again."""

    def end(number, frame):
        print("Stopped before anything was begun.", file=sys.stderr, flush=True)
        os._exit(130)

    if signal.getsignal(signal.SIGINT) is signal.default_int_handler:  # not where it is ignored
        signal.signal(signal.SIGINT, end)


class Interrupt:
    """Whether the process was asked to stop: by Ctrl-C, as a machine that shuts down asks, or by a terminal that is closed."""

    def __init__(self):
        self._asked = threading.Event()

    def __bool__(self):
        return self._asked.is_set()

    def clear(self):
        self._asked.clear()

    @contextmanager
    def waits(self):
        """Inside, a signal only leaves word that it came; a second one acts at once. One that is ignored stays ignored."""
        self.clear()
        before = {}

        def leave_word(number, frame):
            for each, handler in before.items():
                signal.signal(each, handler)
            self._asked.set()

        if threading.current_thread() is threading.main_thread():
            handlers = {number: signal.getsignal(number) for number in ASKING}
            before = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
        for number in before:
            signal.signal(number, leave_word)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
