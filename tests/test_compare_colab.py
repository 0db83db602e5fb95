"""tests/colab.txt against Colab's own list, here one that a server of the tests publishes."""

import subprocess
import sys

import pytest
from compare_colab import OURS, versions

LIST = """
# Do not modify this file directly
absl-py==1.4.0
{}
google-colab @ file:///colabtools/dist/google-colab-1.0.0.tar.gz
"""


def compare(server, lines, page="pip-freeze.txt"):
    server.files["/pip-freeze.txt"] = LIST.format("\n".join(lines)).encode()
    command = [sys.executable, str(OURS.with_name("compare_colab.py")), server.url + page]
    return subprocess.run(command, capture_output=True, text=True, timeout=600)


@pytest.fixture
def colab():
    """Colab's list as it is when all is well: {name: line}."""
    return {name: f"{name}=={version or '1.0'}" for name, version in versions(OURS.read_text()).items()}


def test_colabs_ways_of_writing_a_version_are_read(server, colab):
    number = versions(OURS.read_text())["torch"]
    wheel = f"torch-{number}%2Bcu128-cp313-cp313-linux_x86_64.whl"
    for line in (f"torch=={number}+cpu", f"torch @ https://download.pytorch.org/whl/cu128/{wheel}#sha256=0a81"):
        done = compare(server, (colab | {"torch": line, "pillow": colab["pillow"].title()}).values())
        assert done.returncode == 0, done.stdout + done.stderr


def test_each_difference_is_named(server, colab):
    del colab["tqdm"]
    done = compare(server, (colab | {"keras": "keras==99.0"}).values())
    ours = versions(OURS.read_text())["keras"]
    assert done.stdout.splitlines() == [
        f"keras: {ours} in tests/colab.txt, 99.0 in Colab",
        "tqdm: any version in tests/colab.txt, none in Colab",
    ]
    assert done.returncode == 1


def test_a_list_that_cannot_be_had_is_no_agreement(server, colab):
    assert compare(server, []).returncode == 1
    assert "404" in compare(server, colab.values(), page="moved.txt").stderr
