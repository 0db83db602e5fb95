"""Sentences as numbers: there and back, and what is refused."""

import pytest
import torch

from course_lib import data
from course_lib.text import Vocabulary


def test_words_have_numbers_and_sentences_come_back():
    vocabulary = Vocabulary(["red", "blue", "star", "red"], longest=3)
    assert vocabulary.words == ("blue", "red", "star")
    assert len(vocabulary) == 3
    tokens = vocabulary.encode(["red star", "Star, blue.", "blue blue red"])
    assert tokens.dtype == torch.int64
    assert tokens.tolist() == [[1, 2, -1], [2, 0, -1], [0, 0, 1]]
    assert vocabulary.decode(tokens) == ["red star", "star blue", "blue blue red"]


def test_the_vocabulary_of_shapes_takes_every_caption():
    captions = data.shapes(200).targets["caption"].tolist()
    assert data.VOCABULARY.decode(data.VOCABULARY.encode(captions)) == captions


@pytest.mark.parametrize(
    ("sentences", "sentence"),
    [
        (["a rad star"], r"^Expected words of the vocabulary, got 'rad'; did you mean red"),
        (["a zzz"], r"^Expected words of the vocabulary, got 'zzz'; it has a, at, background, .*yellow\.$"),
        ([""], r"^Expected a sentence of 1 to 12 words, got 0: ''\.$"),
        (["star", " , ."], r"^Expected a sentence of 1 to 12 words, got 0: ' , \.'\.$"),
        (["a " * 13], r"^Expected a sentence of 1 to 12 words, got 13: "),
    ],
)
def test_what_is_refused(sentences, sentence):
    with pytest.raises(ValueError, match=sentence):
        data.VOCABULARY.encode(sentences)


def test_one_sentence_wants_a_list():
    with pytest.raises(TypeError, match=r"^Expected a list of sentences, got one; write \['a star'\]\.$"):
        data.VOCABULARY.encode("a star")
