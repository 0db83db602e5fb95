"""A text encoder: from the numbers of words to a vector for each."""

import torch
from torch import nn

from ..layers import TransformerBlock


class TextEncoder(nn.Module):
    """A transformer that reads a sentence: tokens int64 (B, T), -1 where there is no word -> (B, T, width).

    Places without a word have a vector of their own, which is looked at like any other, so nothing need be masked; a
    sentence of none but these stands for no sentence.

    words: in the vocabulary.
    longest: T, words in the longest sentence; see `course_lib.text.Vocabulary`.
    width: numbers a word.
    layers, heads: transformer blocks, and heads of each.

    Raises ValueError for tokens of another shape.
    """

    def __init__(self, words: int, longest: int, *, width: int = 128, layers: int = 1, heads: int = 4):
        super().__init__()
        self.words, self.longest = words, longest
        self.embed = nn.Embedding(words + 1, width)  # the last is no word
        self.places = nn.Parameter(0.02 * torch.randn(longest, width))
        self.blocks = nn.Sequential(*(TransformerBlock(width, heads) for _ in range(layers)), nn.LayerNorm(width))

    def forward(self, tokens: torch.Tensor) -> torch.Tensor:
        if tokens.ndim != 2 or tokens.shape[1] != self.longest or tokens.is_floating_point():
            raise ValueError(f"Expected tokens (B, {self.longest}), integers, got {tokens.dtype} {tuple(tokens.shape)}.")
        return self.blocks(self.embed(tokens.where(tokens >= 0, self.words)) + self.places)
