"""Exercises of the chapter on pictures from sentences."""

import numpy as np

from .verdict import call, numbers, require, require_close, right


def sentences(all_of_them, unseen):
    """How many full captions of shapes there are, and how many of them name a pair that is not in the training set."""
    all_of_them, unseen = (numbers(value, (), "one number each.") for value in (all_of_them, unseen))
    require(abs(all_of_them - 27) > 1e-6, "the choices are made independently, so their numbers are multiplied.")
    require_close(all_of_them, 3240, "3 sizes, 6 colours, 5 shapes, 9 places, 4 backgrounds.")
    require_close(unseen, 1080, "10 of the 30 pairs of colour and shape, with every size, place and background.")
    right("a network that has seen each word often has still seen each full sentence only some nine times on average.")


def at_chance(loss):
    """The contrastive loss, in nats, of a batch of 128 pairs for encoders whose vectors are all alike."""
    loss = numbers(loss, (), "one number, in nats.")
    require(abs(loss - 7) > 1e-6, "7 is in bits; nats have the natural logarithm.")
    require_close(loss, np.log(128), "each of the 128 captions is equally probable.", tolerance=1e-3)
    right("a loss of ln N says that nothing has been learned, whatever the temperature.")


def cross_attention(function):
    """function(places, words, queries, keys, values) -> what places find, (P, D).

    places (P, C), words (T, E), and three matrices: queries (C, D), keys and values (E, D).
    """
    hint = "softmax over the words of (places queries) (words keys)^T / sqrt(D), times words values."
    _attends(function, hint)
    right("each place takes its own mean of the words.")


def attention_to_words(function):
    """As `cross_attention`, mended."""
    hint = "softmax over the words of the products over the root of D; w_k makes what is compared, w_v what is taken."
    _attends(function, hint)
    right("every row of weights sums to 1, and it is the values that are averaged.")


def contrastive_loss(function):
    """function(images, captions, temperature) -> the loss of a batch, a number, from vectors (B, D) each."""
    hint = "cosines over the temperature; the mean of the cross-entropies along the rows and along the columns."
    random = np.random.default_rng(0)
    images, captions = random.normal(size=(5, 3)), random.normal(size=(5, 3))
    for temperature in (1.0, 0.1):
        answer = numbers(call(function, images, captions, temperature, hint=hint), (), hint)

        def expected(scale, normalize=True, over=None):
            a, b = (each / np.linalg.norm(each, axis=1, keepdims=True) if normalize else each for each in (images, captions))
            logits = a @ b.T * scale
            rows, columns = (np.log(np.exp(logits).sum(axis)) - np.diag(logits) for axis in (1, 0))
            return {None: (rows.mean() + columns.mean()) / 2, "rows": rows.mean(), "columns": columns.mean()}[over]

        scale = 1 / temperature
        require(not np.isclose(answer, expected(scale, normalize=False)), "vectors must have length 1 first.")
        for over in ("rows", "columns"):
            require(not np.isclose(answer, expected(scale, over=over)), f"that is the loss over the {over} alone.")
        require(
            temperature == 1 or not np.isclose(answer, expected(temperature)), "divide by the temperature; do not multiply."
        )
        require_close(answer, expected(scale), hint)
    right("a picture has to find its caption, and a caption its picture.")


def recall_at(function):
    """function(similarity, groups, k) -> the share of rows that have one of their own group among their k best columns."""
    hint = "for each row, are any of the groups of its k largest columns its own?"
    random = np.random.default_rng(0)
    similarity, groups = random.normal(size=(40, 40)), random.integers(12, size=40)
    for k in (1, 5):
        best = np.argsort(-similarity, axis=1)[:, :k]
        expected = (groups[best] == groups[:, None]).any(1).mean()
        answer = numbers(call(function, similarity, groups, k, hint=hint), (), hint)
        worst = np.argsort(similarity, axis=1)[:, :k]
        require(not np.isclose(answer, (groups[worst] == groups[:, None]).any(1).mean()), "the largest are the best.")
        own = (best == np.arange(40)[:, None]).any(1).mean()
        require(not np.isclose(answer, own), "captions that say the same count as one: compare groups, not positions.")
        require(not (k > 1 and np.isclose(answer, (groups[best] == groups[:, None]).mean())), "one among the k is enough.")
        require_close(answer, expected, hint)
    right("the measure of a search engine.")


def _attends(function, hint):
    """Raises NotYet unless a function computes cross-attention."""
    random = np.random.default_rng(0)
    places, words = random.normal(size=(6, 4)), random.normal(size=(3, 5))
    queries, keys, values = random.normal(size=(4, 8)), random.normal(size=(5, 8)), random.normal(size=(5, 8))
    answer = numbers(call(function, places, words, queries, keys, values, hint=hint), (6, 8), hint)

    def expected(axis=1, scale=8**0.5):
        scores = places @ queries @ (words @ keys).T / scale
        weights = np.exp(scores - scores.max())
        return weights / weights.sum(axis, keepdims=True) @ (words @ values)

    for scale in (8**0.5, 8, 1):
        require(not np.allclose(answer, expected(0, scale)), "the weights of one place must sum to 1 over the words.")
    for scale in (8, 1):
        require(not np.allclose(answer, expected(1, scale)), "the products are divided by sqrt(D).")
    require_close(answer, expected(), hint)
