import hashlib
import io
import tarfile
import time
from pathlib import Path

import pytest

from course_lib.data.download import data_folder, fetch, unpack


def md5(content):
    return "md5:" + hashlib.md5(content).hexdigest()


def names(folder):
    """What is in a folder, locks apart."""
    return sorted(path.name for path in folder.iterdir() if path.suffix != ".lock")


def test_data_folder_follows_the_environment(monkeypatch):
    monkeypatch.setenv("COURSE_LIB_DATA", "~/lessons")
    assert data_folder() == Path.home() / "lessons"
    monkeypatch.delenv("COURSE_LIB_DATA")
    assert "course_lib" in data_folder().parts


def test_fetch_downloads_once(server, tmp_path):
    server.files["/digits"] = content = b"0123456789" * 1000
    for _ in range(2):
        path = fetch([server.url + "digits"], tmp_path / "new" / "folder" / "digits.bin", md5(content))
    assert path == tmp_path / "new" / "folder" / "digits.bin"
    assert path.read_bytes() == content
    assert server.asked == ["/digits"]


def test_fetch_takes_a_sha256_too(server, tmp_path):
    server.files["/digits"] = b"0123456789"
    known_hash = "sha256:" + hashlib.sha256(b"0123456789").hexdigest()
    assert fetch([server.url + "digits"], tmp_path / "digits", known_hash).read_bytes() == b"0123456789"


def test_fetch_asks_the_next_server_when_one_fails(server, tmp_path):
    server.files |= {"/wrong": b"abc", "/right": b"0123456789"}
    urls = [server.url + name for name in ("missing", "wrong", "right", "spare")]
    assert fetch(urls, tmp_path / "digits", md5(b"0123456789")).read_bytes() == b"0123456789"
    assert server.asked == ["/missing", "/wrong", "/right"]


def test_fetch_replaces_a_damaged_file(server, tmp_path):
    server.files["/digits"] = b"0123456789"
    (tmp_path / "digits").write_bytes(b"01234")
    assert fetch([server.url + "digits"], tmp_path / "digits", md5(b"0123456789")).read_bytes() == b"0123456789"


def assert_fetch_fails(urls, path, known_hash):
    """The one sentence, after a check that it says what to do and that no file is left."""
    with pytest.raises(OSError, match=rf"Could not get {path.name}: ") as caught:
        fetch(urls, path, known_hash)
    text = str(caught.value)
    assert "\n" not in text
    assert all(url in text for url in urls)
    assert f"Check the connection and try again, or put the file into {path.parent} yourself" in text
    assert text.endswith("course_lib.data.mnist(profile='fast') needs no download.")
    assert names(path.parent) == []
    return text


def test_a_wrong_hash_is_shown_beside_the_right_one(server, tmp_path):
    server.files["/digits"] = b"something else"
    text = assert_fetch_fails([server.url + "digits"], tmp_path / "digits", md5(b"0123456789"))
    assert hashlib.md5(b"something else").hexdigest() in text
    assert hashlib.md5(b"0123456789").hexdigest() in text


def test_a_download_that_breaks_off_leaves_nothing_and_can_be_tried_again(server, tmp_path):
    server.files["/digits"] = content = bytes(100_000)
    server.broken.add("/digits")
    text = assert_fetch_fails([server.url + "digits"], tmp_path / "digits", md5(content))
    assert f"{server.url}digits: the connection broke off." in text
    server.broken.clear()
    assert fetch([server.url + "digits"], tmp_path / "digits", md5(content)).read_bytes() == content


def test_a_file_that_the_server_lacks(server, tmp_path):
    assert "404" in assert_fetch_fails([server.url + "digits"], tmp_path / "digits", md5(b""))


def test_a_server_that_is_gone_is_reported_at_once(server, tmp_path):
    server.server_close()
    started = time.monotonic()
    text = assert_fetch_fails([server.url + "digits", server.url + "copy"], tmp_path / "digits", md5(b""))
    assert text.count("no connection to the server") == 2
    assert time.monotonic() - started < 5


def archive(path, *entries):
    """A tar archive of files, given as (name, content), and of TarInfo entries such as links."""
    with tarfile.open(path, "w:gz") as tar:
        for entry in entries:
            if isinstance(entry, tarfile.TarInfo):
                tar.addfile(entry)
            else:
                name, content = entry
                info = tarfile.TarInfo(name)
                info.size = len(content)
                tar.addfile(info, io.BytesIO(content))
    return path


def special(name, kind, target=""):
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


def test_unpack(tmp_path):
    files = special("cifar", tarfile.DIRTYPE), ("cifar/one.bin", b"1"), ("cifar/more/two.bin", b"22")
    packed = archive(tmp_path / "cifar.tar.gz", *files)
    for _ in range(2):
        unpack(packed, tmp_path / "cifar")
    assert names(tmp_path) == ["cifar", "cifar.tar.gz"]
    assert (tmp_path / "cifar" / "one.bin").read_bytes() == b"1"
    assert (tmp_path / "cifar" / "more" / "two.bin").read_bytes() == b"22"


@pytest.mark.parametrize(
    "evil",
    [
        ("../evil", b""),
        ("cifar/../../evil", b""),
        ("/evil", b""),
        ("other/evil", b""),
        special("cifar/evil", tarfile.SYMTYPE, "../.."),
        special("cifar/evil", tarfile.SYMTYPE, "/etc"),
        special("cifar/evil", tarfile.LNKTYPE, "../outside"),
        special("cifar/evil", tarfile.FIFOTYPE),
    ],
    ids=["climbs", "climbs later", "absolute", "elsewhere", "link out", "absolute link", "hard link", "pipe"],
)
def test_unpack_refuses_what_leads_outside(tmp_path, evil):
    folder = tmp_path / "data"
    folder.mkdir()
    packed = archive(folder / "cifar.tar.gz", ("cifar/good.bin", b"1"), evil)
    name = evil.name if isinstance(evil, tarfile.TarInfo) else evil[0]
    with pytest.raises(ValueError, match=r"Refused to unpack cifar\.tar\.gz: expected plain files in cifar/, got") as caught:
        unpack(packed, folder / "cifar")
    assert repr(name) in str(caught.value)
    assert names(folder) == ["cifar.tar.gz"]
    assert names(tmp_path) == ["data"]


def test_unpack_that_is_stopped_leaves_nothing(tmp_path, monkeypatch):
    packed = archive(tmp_path / "cifar.tar.gz", ("cifar/one.bin", b"1"), ("cifar/two.bin", b"22"))
    extractall = tarfile.TarFile.extractall

    def stopped(*arguments, **options):
        extractall(*arguments, **options)
        raise KeyboardInterrupt

    monkeypatch.setattr(tarfile.TarFile, "extractall", stopped)
    with pytest.raises(KeyboardInterrupt):
        unpack(packed, tmp_path / "cifar")
    assert names(tmp_path) == ["cifar.tar.gz"]
