"""Sentences as numbers: a vocabulary, and what it makes of words that it does not have."""

import difflib
from collections.abc import Iterable, Sequence

import torch


class Vocabulary:
    """A closed list of words, each with a number.

    words: the words; what comes twice counts once, and the order is the alphabet's.
    longest: words in the longest sentence that it takes.
    """

    def __init__(self, words: Iterable[str], *, longest: int):
        self.words = tuple(sorted(set(words)))
        self.numbers = {word: number for number, word in enumerate(self.words)}
        self.longest = longest

    def __len__(self) -> int:
        return len(self.words)

    def encode(self, sentences: Sequence[str]) -> torch.Tensor:
        """Sentences as the numbers of their words, int64 (B, longest), with -1 where a sentence has ended.

        Words are parted by spaces; capitals, commas and full stops do not count. Raises ValueError for an empty sentence, one
        that is too long, and a word that is not in the vocabulary.
        """
        if isinstance(sentences, str):
            raise TypeError(f"Expected a list of sentences, got one; write [{sentences!r}].")
        encoded = torch.full((len(sentences), self.longest), -1)
        for row, sentence in zip(encoded, sentences, strict=True):
            words = sentence.lower().replace(",", " ").replace(".", " ").split()
            if not 0 < len(words) <= self.longest:
                raise ValueError(f"Expected a sentence of 1 to {self.longest} words, got {len(words)}: {sentence!r}.")
            row[: len(words)] = torch.tensor([self._number(word) for word in words])
        return encoded

    def decode(self, encoded: torch.Tensor) -> list[str]:
        """The sentences of numbers (B, T) again."""
        return [" ".join(self.words[number] for number in row if number >= 0) for row in encoded.tolist()]

    def _number(self, word):
        if word not in self.numbers:
            near = difflib.get_close_matches(word, self.words, n=3, cutoff=0.5)
            raise ValueError(
                f"Expected words of the vocabulary, got {word!r}; "
                + (f"did you mean {' or '.join(near)}?" if near else f"it has {', '.join(self.words)}.")
            )
        return self.numbers[word]
