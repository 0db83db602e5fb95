"""Fetch published files once, check them by hash, unpack them where they cannot escape."""

import os
import tarfile
from pathlib import Path

import pooch
from filelock import FileLock


def data_folder():
    """Where downloads are kept: the environment variable COURSE_LIB_DATA, else the user's cache folder."""
    return Path(os.environ.get("COURSE_LIB_DATA") or pooch.os_cache("course_lib"))


def fetch(urls, path, known_hash):
    """Download the first of `urls` that answers to `path`, unless it is there already; returns the path.

    known_hash: "md5:..." or "sha256:...". The file takes its name only when complete and right. Two processes that ask at
    once download it once. Raises OSError, in one sentence, when the hash is another (both are shown, the file is removed)
    or no server answers.
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
                failures.append(f"{url}: {type(error).__name__}: {error}")
            else:
                return path
    raise OSError(
        f"Could not get {path.name}: {'; '.join(failures)}. "
        f"Check the connection and try again, or put the file into {path.parent} yourself; "
        "the fast profile needs no download: course_lib.runtime.configure(profile='fast')."
    )


def unpack(archive, folder):
    """Unpack a tar archive into `folder`. Raises ValueError for an entry that would land outside; nothing is then unpacked."""
    folder = Path(folder)
    with tarfile.open(archive) as tar:
        for member in tar:
            try:
                tarfile.data_filter(member, str(folder))
            except tarfile.FilterError as error:
                raise ValueError(
                    f"Refused to unpack {Path(archive).name}: {error}. Delete it and get it from its source."
                ) from None
        tar.extractall(folder, filter="data")
