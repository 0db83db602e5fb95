"""Reads what a student handed in, of which nothing is trusted: one notebook, alone or in an archive, perhaps with weights."""

import hashlib
import io
import json
import os
import re
import stat
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

MB = 1 << 20
FILE_MAX, CODE_MAX, CELLS_MAX, WEIGHTS_MAX = 50 * MB, 1 * MB, 2_000, 20 * MB
ASSIGNMENT = re.compile(r"""^assignment = ["'](\w+) ([0-9a-f]{6})["']""", re.MULTILINE)
WEIGHTS = re.compile(r"[A-Za-z0-9_]{1,40}\.safetensors")


class Refused(Exception):
    """The file cannot be graded; the message is for the student."""


@dataclass
class Submission:
    """The code cells of a notebook, in their order, and weights that came with it, {name: bytes}.

    cells: texts.
    weights: files that the notebook may load.
    sha256: of the notebook's bytes.
    """

    cells: list[str]
    weights: dict[str, bytes]
    sha256: str

    @classmethod
    def open(cls, path: str | Path) -> "Submission":
        """What is in a file, .ipynb or .zip; nothing is unpacked to disk. Raises Refused."""
        raw, weights = _read(path), {}
        if raw[:2] == b"PK":
            raw, weights = _from_archive(raw)
        try:
            notebook = json.loads(raw)
            found = [cell["source"] for cell in notebook["cells"] if cell["cell_type"] == "code"]
            cells = ["".join(text) if isinstance(text, list) else str(text) for text in found[:CELLS_MAX]]
        except (ValueError, KeyError, TypeError, RecursionError, AttributeError):
            raise Refused("This is not a notebook: download it with File, Download, Download .ipynb.") from None
        if sum(map(len, cells)) > CODE_MAX:
            raise Refused("The notebook has more than a megabyte of code.")
        return cls([cell.encode(errors="replace").decode() for cell in cells], weights, hashlib.sha256(raw).hexdigest())

    def version(self, name: str) -> str:
        """The version of the assignment `name` that the notebook says it is of; raises Refused if it is of none or another."""
        found = next((match for cell in self.cells if (match := ASSIGNMENT.search(cell))), None)
        if found is None:
            raise Refused(f"This is not the notebook of {name}: the line `assignment = ...` of its first cell is missing.")
        if found[1] != name:
            raise Refused(f"This is the notebook of {found[1][:60]}, and {name} is graded: hand in the other one.")
        return found[2]


def _read(path):
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        raise Refused("This is not a file that can be read.") from None
    facts = os.fstat(descriptor)
    if not stat.S_ISREG(facts.st_mode):
        os.close(descriptor)
        raise Refused("This is not a file.")
    with os.fdopen(descriptor, "rb") as file:
        if facts.st_size > FILE_MAX:
            raise Refused(
                f"The file has {facts.st_size // MB} MB, more than {FILE_MAX // MB}: clear the outputs of the notebook "
                "(Edit, Clear all outputs) and hand it in again."
            )
        return file.read(FILE_MAX + 1)


def _from_archive(raw):
    """(the one notebook, {name: weights}) of a zip; a member's stated size is not believed."""
    try:
        with zipfile.ZipFile(io.BytesIO(raw)) as archive:
            members = [member for member in archive.infolist()[:CELLS_MAX] if _is_file(member)]
            notebooks = [member for member in members if member.filename.endswith(".ipynb")]
            if len(notebooks) != 1:
                raise Refused(f"The archive has {len(notebooks)} notebooks: hand in exactly one.")
            weights = {}
            for member in members:
                name = PurePosixPath(member.filename).name
                if WEIGHTS.fullmatch(name):
                    weights[name] = _member(archive, member, WEIGHTS_MAX - sum(map(len, weights.values())))
            return _member(archive, notebooks[0], FILE_MAX), weights
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError, OSError, ValueError, zlib.error):
        raise Refused("The archive cannot be read.") from None


def _is_file(member):
    hidden = "__MACOSX" in member.filename or "checkpoint" in member.filename
    return not (member.is_dir() or hidden or stat.S_ISLNK(member.external_attr >> 16))


def _member(archive, member, size):
    name = PurePosixPath(member.filename).name[:60]
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):  # Python unpacks others whole, however large
        raise Refused(f"{name} in the archive is packed in an unusual way: make the archive with your system's own command.")
    with archive.open(member) as file:
        data = file.read(size + 1)
    if len(data) > size:
        raise Refused(f"{name} in the archive is too large.")
    return data


def fingerprint(path: str | Path) -> str:
    """By which a file is known again: of its bytes, or why it cannot be read."""
    try:
        return hashlib.sha256(_read(path)).hexdigest()
    except Refused as error:
        return str(error)
