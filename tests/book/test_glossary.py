"""The glossary: complete, without doubles, and each word in use in the chapter that is said to teach it."""

import re
from collections import Counter
from pathlib import Path

import pytest
import yaml

BOOK = Path(__file__).parents[2] / "book"
TERMS = yaml.safe_load((BOOK / "glossary.yml").read_text(encoding="utf-8"))


def names(term):
    return [term["term"], *term.get("aliases", [])]


def prose(chapter):
    """What a chapter says, as one line, without its code and the head of its file."""
    text = (BOOK / "text" / f"{chapter}.md").read_text(encoding="utf-8")
    text = re.sub(r"\A---\n.*?\n---\n", "", text, flags=re.DOTALL)
    return " ".join(re.sub(r"^(`{3,}).*?^\1", "", text, flags=re.DOTALL | re.MULTILINE).split())


def uses(text, name):
    """Whether a text has a name, also with a plural's s; capitals count in names that are written with them."""
    any_case = re.IGNORECASE if name.islower() else 0
    return re.search(rf"(?<![\w-]){re.escape(name)}(s|es)?(?![\w-])", text, any_case) is not None


def test_there_are_as_many_terms_as_promised():
    assert len(TERMS) >= 120


def test_no_name_stands_for_two_things():
    counted = Counter(name.lower() for term in TERMS for name in names(term))
    assert [name for name, count in counted.items() if count > 1] == []


def test_every_term_is_complete():
    for term in TERMS:
        assert term.keys() - {"aliases"} == {"term", "chinese", "chapter", "means"}, term
        assert term["chinese"] == list(dict.fromkeys(term["chinese"])) != [], term  # the usual name, then variants
        assert term["means"].endswith("."), term
        assert len(re.findall(r"\. [A-Z]", term["means"])) <= 1, term  # one sentence, or two short ones


def test_chinese_names_are_the_usual_ones():
    """English where Chinese texts use that, and every variant that a reader of one school or the other knows."""
    chinese = {term["term"]: term["chinese"] for term in TERMS}
    for name in ("Adam", "RMSprop", "softmax", "sigmoid", "U-Net", "TensorBoard"):
        assert chinese[name] == [name]
    assert chinese["dropout"] == ["暂退法", "丢弃法"]
    assert chinese["generative adversarial network"] == ["生成对抗网络", "生成式对抗网络"]
    assert chinese["batch"] == ["小批量"]


@pytest.mark.parametrize("chapter", sorted({term["chapter"] for term in TERMS}))
def test_a_chapter_uses_the_terms_that_it_teaches(chapter):
    text = prose(chapter)
    taught = [term for term in TERMS if term["chapter"] == chapter]
    assert [term["term"] for term in taught if not any(uses(text, name) for name in names(term))] == []


def test_every_word_that_a_chapter_links_is_in_the_glossary():
    known = {slug(term["term"]) for term in TERMS}
    for path in BOOK.glob("text/*.md"):
        for target in re.findall(r"\]\(glossary\.md#([^)]+)\)", path.read_text(encoding="utf-8")):
            assert target in known, f"{path.name}: {target}"


def slug(name):
    return re.sub(r"\W+", "-", name.lower()).strip("-")
