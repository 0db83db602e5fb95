"""Ctrl-C, and the request to end, wait until a step is done."""

import signal
import threading
from contextlib import contextmanager


class Interrupt:
    """Whether the process was asked to stop: by Ctrl-C, or by SIGTERM as a machine that shuts down sends it."""

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
            handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
            before = {number: handler for number, handler in handlers.items() if handler not in (signal.SIG_IGN, None)}
        for number in before:
            signal.signal(number, leave_word)
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
