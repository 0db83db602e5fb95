"""Servers that drip, send too much or are asked for twice, and what a stopped download leaves behind."""

import hashlib
import io
import subprocess
import sys
import tarfile
import textwrap
import threading
import time

import pytest

from course_lib.data import download
from course_lib.data.download import fetch, unpack


def md5(content):
    return "md5:" + hashlib.md5(content).hexdigest()


@pytest.fixture
def dripping(server, monkeypatch):
    """The server, which sends the body of /drip, or already the head of /head, a byte at a time, until someone stops it."""
    stop, write = threading.Event(), server.RequestHandlerClass.do_GET

    def get(handler):
        if handler.path not in ("/drip", "/head"):
            return write(handler)
        handler.send_response(200)
        handler.send_header("Content-Length", "100000")
        if handler.path == "/drip":
            handler.end_headers()
        else:
            handler.flush_headers()
        while not stop.wait(0.02):
            try:
                handler.wfile.write(b"x")
                handler.wfile.flush()
            except OSError:
                return None
        return None

    monkeypatch.setattr(server.RequestHandlerClass, "do_GET", get)
    yield server
    stop.set()


def test_a_server_that_drips_ends_in_a_sentence(dripping, tmp_path, monkeypatch):
    monkeypatch.setattr(download, "PATIENCE", 0.3)
    started = time.monotonic()
    drips = "drip: the server sends fewer than 1,000 bytes a second"
    with pytest.raises(OSError, match=rf"head: the server did not answer in time; .*{drips}\. Check the connection"):
        fetch([dripping.url + "head", dripping.url + "drip"], tmp_path / "digits", md5(b""))
    assert time.monotonic() - started < 20
    assert [path.name for path in tmp_path.iterdir()] == ["digits.lock"]


def test_a_file_that_is_too_large_is_not_fetched(server, tmp_path, monkeypatch):
    server.files["/digits"] = bytes(100_000)
    monkeypatch.setattr(download, "LARGEST", 50_000)
    with pytest.raises(OSError, match="digits: the server sends more than 50,000 bytes"):
        fetch([server.url + "digits"], tmp_path / "digits", md5(bytes(100_000)))


def test_what_a_stopped_download_left_is_swept(server, tmp_path):
    server.files["/digits"] = b"0123456789"
    (tmp_path / "digits.part").write_bytes(b"half of an earlier try" * 1000)
    fetch([server.url + "digits"], tmp_path / "digits", md5(b"0123456789"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["digits", "digits.lock"]


def test_what_a_stopped_unpacking_left_is_swept(tmp_path):
    with tarfile.open(tmp_path / "cifar.tar.gz", "w:gz") as tar:
        info = tarfile.TarInfo("cifar/one.bin")
        info.size = 1
        tar.addfile(info, io.BytesIO(b"1"))
    (tmp_path / "cifar.part" / "cifar").mkdir(parents=True)
    (tmp_path / "cifar.part" / "cifar" / "two.bin").write_bytes(b"of an earlier try")
    unpack(tmp_path / "cifar.tar.gz", tmp_path / "cifar")
    assert [path.name for path in (tmp_path / "cifar").iterdir()] == ["one.bin"]
    assert not (tmp_path / "cifar.part").exists()


HOLD = """
    import sys
    from course_lib.locks import lock
    with lock(sys.argv[1], told="The download"):
        print("held", flush=True)
        sys.stdin.readline()
"""


def test_a_lock_held_elsewhere_is_told(server, tmp_path, capsys):
    server.files["/digits"] = b"0123456789"
    line = [sys.executable, "-c", textwrap.dedent(HOLD), str(tmp_path / "digits.lock")]
    with subprocess.Popen(line, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as other:
        other.stdout.readline()
        threading.Timer(0.5, other.terminate).start()
        fetch([server.url + "digits"], tmp_path / "digits", md5(b"0123456789"))
    told = f"The download of digits is in use by process {other.pid} on "
    assert capsys.readouterr().out.startswith(told)
