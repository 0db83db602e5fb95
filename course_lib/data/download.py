"""Fetch published files once, check them by hash, unpack them where they cannot escape."""

import os
import tarfile
from pathlib import Path, PurePosixPath
from tempfile import TemporaryDirectory

import pooch
from filelock import FileLock

REASONS = {  # requests' names for what a reader may meet; its own texts are a paragraph each
    "ConnectionError": "no connection to the server",
    "ConnectTimeout": "the server did not answer in time",
    "ReadTimeout": "the server did not answer in time",
    "ChunkedEncodingError": "the connection broke off",
}


def data_folder() -> Path:
    """Where downloads are kept: the environment variable COURSE_LIB_DATA, else the user's cache folder."""
    return Path(os.environ.get("COURSE_LIB_DATA") or pooch.os_cache("course_lib")).expanduser()


def fetch(
    urls: list[str], path: str | Path, known_hash: str, *, instead: str = "course_lib.data.mnist(profile='fast')"
) -> Path:
    """Download the first of `urls` that answers to `path`, unless it is there already; returns the path.

    The file takes its name only when complete and right. Two processes that ask at once download it once.

    urls: where the file is, tried in this order.
    path: where it goes.
    known_hash: "md5:..." or "sha256:...".
    instead: what needs no download, for the end of the message.

    Raises OSError, in one sentence, when the hash is another (both are shown, the file is removed) or no server answers.
    """
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    failures = []
    with FileLock(path.with_name(path.name + ".lock")):
        for url in urls:
            try:
                pooch.retrieve(url, known_hash, fname=path.name, path=path.parent)
            except ValueError as error:  # pooch's word for a hash that differs; it has removed the file
                failures.append(f"{url}: {' '.join(str(error).split())}")
            except Exception as error:  # every kind of broken connection
                kind = type(error).__name__
                failures.append(f"{url}: {REASONS.get(kind, f'{kind}: {error}')}")
            else:
                return path
    raise OSError(
        f"Could not get {path.name}: {'; '.join(failures)}. "
        f"Check the connection and try again, or put the file into {path.parent} yourself; "
        f"{instead} needs no download."
    )


def unpack(archive: str | Path, folder: str | Path) -> None:
    """Unpack the one folder that a tar archive holds to `folder`, of the same name, unless it is there already.

    It takes its name only when complete, so that nobody reads half of it. Raises ValueError for an entry that lies outside
    or is not a plain file or folder, such as a link; nothing is then unpacked.
    """
    archive, folder = Path(archive), Path(folder)
    with FileLock(folder.with_name(folder.name + ".lock")), tarfile.open(archive) as tar:
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
        with TemporaryDirectory(dir=folder.parent) as temporary:
            tar.extractall(temporary, filter="data")
            (Path(temporary) / folder.name).rename(folder)
