"""Compares tests/colab.txt with the list of packages that Colab publishes: python tests/compare_colab.py ADDRESS."""

import re
import sys
from pathlib import Path
from urllib.request import urlopen

OURS = Path(__file__).with_name("colab.txt")


def versions(text):
    """{name: version} of a list as pip freeze writes it, without what builds add (+cu128); "" where no version is given."""
    line = re.compile(r"^([\w.-]+)(?:(?:==| @ \S*/[^/\s]*?-)(\d[^\s+%-]*))?", re.M)
    return {re.sub("[-_.]+", "-", name).lower(): version for name, version in line.findall(text)}


def differences(ours, theirs):
    """One line for each package of our list that Colab has in another version, or not at all."""
    colab = versions(theirs)
    for name, version in versions(ours).items():
        if name not in colab or version not in ("", colab[name]):
            yield f"{name}: {version or 'any version'} in tests/colab.txt, {colab.get(name, 'none')} in Colab"


if __name__ == "__main__":
    with urlopen(sys.argv[1], timeout=60) as answer:
        found = list(differences(OURS.read_text(), answer.read().decode()))
    print("\n".join(found) or "tests/colab.txt agrees with Colab's list.")
    sys.exit(len(found) > 0)
