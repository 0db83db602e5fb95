"""Fetch published files once, check them by hash, unpack them where they cannot escape."""

import os
import shutil
import tarfile
import threading
import time
from pathlib import Path, PurePosixPath
from queue import Empty, Queue

import pooch
import requests  # comes with pooch
from pooch.hashes import hash_matches

from ..locks import lock

PATIENCE = 20  # seconds that a server may take to answer, and over which its speed is measured
SLOWEST = 1000  # bytes a second
LARGEST = 2**30  # bytes of a file

REASONS = {  # the names of requests and urllib3 for what a reader may meet; their own texts are a paragraph each
    "ConnectionError": "no connection to the server",
    "ConnectTimeout": "the server did not answer in time",
    "ReadTimeout": "the server did not answer in time",
    "ReadTimeoutError": "the server did not answer in time",
    "ProtocolError": "the connection broke off",
    "IncompleteRead": "the connection broke off",
    "ChunkedEncodingError": "the connection broke off",
}


def data_folder() -> Path:
    """Where downloads are kept: the environment variable COURSE_LIB_DATA, else the user's cache folder."""
    return Path(os.environ.get("COURSE_LIB_DATA") or pooch.os_cache("course_lib")).expanduser()


def fetch(
    urls: list[str], path: str | Path, known_hash: str, *, instead: str = "course_lib.data.mnist(profile='fast')"
) -> Path:
    """Download the first of `urls` that answers to `path`, unless it is there already; returns the path.

    The file takes its name only when complete and right. Two processes that ask at once download it once: the
    second says that it waits.

    urls: where the file is, tried in this order.
    path: where it goes.
    known_hash: "md5:..." or "sha256:...".
    instead: what needs no download, for the end of the message.

    Raises OSError, in one sentence, when the hash is another (both are shown, the file is removed), or no server
    answers, or none is fast enough.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    with lock(path.with_name(path.name + ".lock"), told=f"The download of {path.name}", wait=True):
        if path.is_file() and hash_matches(path, known_hash):
            return path
        part = path.with_name(path.name + ".part")  # of an earlier process, if it is there: it is written anew
        for url in urls:
            try:
                _download(url, part)
                hash_matches(part, known_hash, strict=True, source=url)
                return part.replace(path)
            except (ValueError, TimeoutError) as error:  # words for a reader: a hash that differs, our own limits
                failures.append(f"{url}: {' '.join(str(error).split())}")
            except Exception as error:  # every kind of broken connection
                kind = type(error).__name__
                failures.append(f"{url}: {REASONS.get(kind, f'{kind}: {error}')}")
            finally:
                part.unlink(missing_ok=True)
    raise OSError(
        f"Could not get {path.name}: {'; '.join(failures)}. "
        f"Check the connection and try again, or put the file into {path.parent} yourself; "
        f"{instead} needs no download."
    )


def _download(url, path):
    """Write what a server sends; raises TimeoutError where it is too slow, ValueError where it is too much."""
    with _ask(url) as response, open(path, "wb") as file:
        response.raise_for_status()
        size, (seen, since) = 0, (0, time.monotonic())
        while piece := response.raw.read1(2**16, decode_content=True):  # read1: what is there, without waiting for more
            file.write(piece)
            size += len(piece)
            if max(size, int(response.headers.get("Content-Length", 0))) > LARGEST:
                raise ValueError(f"the server sends more than {LARGEST:,} bytes")
            if (seconds := time.monotonic() - since) > PATIENCE:
                if size - seen < SLOWEST * seconds:
                    raise TimeoutError(f"the server sends fewer than {SLOWEST:,} bytes a second")
                seen, since = size, time.monotonic()


def _ask(url):
    """The server's answer, with the body still to come; raises TimeoutError where the lines before it drip for ever.

    requests counts only the time from one byte to the next, so a thread asks, and is left behind when its time is up.
    """
    answers = Queue()

    def ask():
        try:
            answers.put(requests.get(url, stream=True, timeout=PATIENCE))
        except Exception as error:
            answers.put(error)

    threading.Thread(target=ask, daemon=True).start()
    try:
        answer = answers.get(timeout=2 * PATIENCE)  # connecting, too, takes its time
    except Empty:
        raise TimeoutError("the server did not answer in time") from None
    if isinstance(answer, Exception):
        raise answer
    return answer


def unpack(archive: str | Path, folder: str | Path) -> None:
    """Unpack the one folder that a tar archive holds to `folder`, of the same name, unless it is there already.

    It takes its name only when complete, so that nobody reads half of it. Raises ValueError for an entry that lies outside
    or is not a plain file or folder, such as a link; nothing is then unpacked.
    """
    archive, folder = Path(archive), Path(folder)
    waits = lock(folder.with_name(folder.name + ".lock"), told=f"The unpacking of {archive.name}", wait=True)
    with waits, tarfile.open(archive) as tar:
        if folder.exists():
            return
        for entry in tar:
            path = PurePosixPath(entry.name)
            inside = path.parts[:1] == (folder.name,) and ".." not in path.parts
            if not (inside and (entry.isfile() or entry.isdir())):
                raise ValueError(
                    f"Refused to unpack {archive.name}: expected plain files in {folder.name}/, got {entry.name!r}. "
                    f"Delete {archive} and get it from its source."
                )
        part = folder.with_name(folder.name + ".part")
        shutil.rmtree(part, ignore_errors=True)  # of an earlier process that was stopped
        try:
            tar.extractall(part, filter="data")
            (part / folder.name).rename(folder)
        finally:
            shutil.rmtree(part, ignore_errors=True)
