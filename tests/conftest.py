"""What all tests share: a small, predictable machine (CPU, float32, fast profile), and a web server of their own."""

import os

os.environ.update(COURSE_LIB_DEVICE="cpu", COURSE_LIB_PRECISION="fp32", COURSE_LIB_PROFILE="fast", MPLBACKEND="Agg")
os.environ["OMP_NUM_THREADS"] = "1"  # tensors of a few numbers, and tests that start processes: more threads only wait

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from course_lib import runtime


@pytest.fixture(autouse=True)
def fresh_runtime():
    """Each test starts from seed 0, and leaves no choice of its own to the next."""
    runtime.set_seed(0)
    chosen = dict(runtime._chosen)
    yield
    if runtime._chosen != chosen:
        runtime.configure()


@pytest.fixture
def server(monkeypatch):
    """A web server on this machine.

    files: what it serves, {"/name": bytes}. broken: names of which it sends only half. asked: the names asked for so far.
    meeting: a barrier at which everyone who asks for "/meeting" waits for the others.
    """
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            server.asked.append(self.path)
            if self.path == "/meeting":
                server.meeting.wait(timeout=600)
            body = server.files.get(self.path)
            if body is None:
                self.send_error(404)
                return
            self.send_response(200)
            self.send_header("Content-Length", len(body))
            self.end_headers()
            self.wfile.write(body[: len(body) // 2] if self.path in server.broken else body)

        def log_message(self, *_):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.files, server.broken, server.asked = {"/meeting": b"all here"}, set(), []
    server.meeting = threading.Barrier(2)
    server.url = f"http://127.0.0.1:{server.server_port}/"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server
    server.shutdown()
    server.server_close()
    thread.join()
