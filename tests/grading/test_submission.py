"""What is handed in is read without trust: one sentence for each bad file, and nothing on disk."""

import io
import json
import os
import zipfile

import pytest

from course_lib.grading.submission import Refused, Submission, fingerprint


def notebook(*cells, **more):
    made = [{"cell_type": "code", "source": cell} for cell in cells] + [{"cell_type": "markdown", "source": "words"}]
    return json.dumps({"cells": made, **more}).encode()


def archive(compression=zipfile.ZIP_DEFLATED, **members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", compression) as made:
        for name, data in members.items():
            made.writestr(name.replace("__", "."), data)
    return out.getvalue()


def test_the_code_cells_come_in_their_order(tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(notebook("a = 1", ["b = 2\n", "c = 3"]))
    assert Submission.open(path).cells == ["a = 1", "b = 2\nc = 3"]


def test_weights_come_with_a_notebook_in_an_archive(tmp_path):
    path = tmp_path / "x.zip"
    path.write_bytes(archive(a__ipynb=notebook("x"), net__safetensors=b"abc", other__bin=b"d"))
    submission = Submission.open(path)
    assert submission.cells == ["x"]
    assert submission.weights == {"net.safetensors": b"abc"}


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"", "This is not a notebook"),
        (b"%PDF-1.7", "This is not a notebook"),
        (b"[" * 100_000, "This is not a notebook"),
        (b'{"cells": [7]}', "This is not a notebook"),
        (b'{"cells": [{"cell_type": "code", "source": [1]}]}', "This is not a notebook"),
        (notebook("#" * (1 << 20), "x"), "more than a megabyte of code"),
        (archive(a__txt=b""), "The archive has 0 notebooks"),
        (archive(a__ipynb=notebook("x"), b__ipynb=notebook("x")), "The archive has 2 notebooks"),
        (archive(a__ipynb=bytes(51 << 20)), "a.ipynb in the archive is too large"),
        (archive(a__ipynb=notebook("x"))[:-9], "The archive cannot be read"),
        (archive(zipfile.ZIP_BZIP2, a__ipynb=notebook("x")), "a.ipynb in the archive is packed in an unusual way"),
        (archive(zipfile.ZIP_LZMA, a__ipynb=notebook("x")), "a.ipynb in the archive is packed in an unusual way"),
        (b"PK\x03\x04", "The archive cannot be read"),
    ],
)
def test_a_bad_file_gets_one_sentence(data, told, tmp_path):
    path = tmp_path / "x.ipynb"
    path.write_bytes(data)
    with pytest.raises(Refused, match=told):
        Submission.open(path)
    assert [each.name for each in tmp_path.iterdir()] == ["x.ipynb"]


def test_what_is_no_file_gets_one_sentence(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("/etc/hostname")
    with open(tmp_path / "large", "wb") as file:
        file.truncate(1 << 30)
    for name, told in (
        ("pipe", "not a file"),
        ("link", "not a file"),
        (".", "not a file"),
        ("none", "not a file"),
        ("large", "1024 MB"),
    ):
        with pytest.raises(Refused, match=told):
            Submission.open(tmp_path / name)
        assert fingerprint(tmp_path / name)


def test_the_assignment_and_its_version_stand_in_the_first_cells():
    def said(*cells):
        return Submission(list(cells), {}, "").version("by_hand")

    assert said("x = 1", 'assignment = "by_hand 0a1b2c"  # leave this line as it is\nticket = "A"') == "0a1b2c"
    with pytest.raises(Refused, match="This is not the notebook of by_hand"):
        said("x = 1")
    with pytest.raises(Refused, match="This is the notebook of convolution, and by_hand is graded"):
        said('assignment = "convolution 0a1b2c"')
