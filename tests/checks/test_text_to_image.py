"""The checks of the chapter on pictures from sentences take right answers and turn down wrong ones."""

import numpy as np

from course_lib.checks import text_to_image


def attends(axis=1, root=True):
    def attention(places, words, queries, keys, values):
        scores = places @ queries @ (words @ keys).T / (queries.shape[1] ** 0.5 if root else queries.shape[1])
        weights = np.exp(scores)
        return weights / weights.sum(axis, keepdims=True) @ (words @ values)

    return attention


def contrastive(*, over=(0, 1), normalize=True, divide=True):
    def loss(images, captions, temperature):
        if normalize:
            images, captions = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (images, captions))
        logits = images @ captions.T / temperature if divide else images @ captions.T * temperature
        return np.mean([np.log(np.exp(logits).sum(axis)) - np.diag(logits) for axis in over])

    return loss


def recall(*, sign=-1, share=False, positions=False):
    def at(similarity, groups, k):
        best = np.argsort(sign * similarity, axis=1)[:, :k]
        found = best == np.arange(len(best))[:, None] if positions else groups[best] == groups[:, None]
        return found.mean() if share else found.any(1).mean()

    return at


RIGHT = [
    (text_to_image.sentences, [3240, 1080]),
    (text_to_image.at_chance, [4.852]),
    (text_to_image.cross_attention, [attends()]),
    (text_to_image.attention_to_words, [attends()]),
    (text_to_image.contrastive_loss, [contrastive()]),
    (text_to_image.recall_at, [recall()]),
]
WRONG = [
    (text_to_image.sentences, [27, 9], "multiplied"),
    (text_to_image.sentences, [3240, 10], "10 of the 30"),
    (text_to_image.sentences, [3000, 10], "9 places"),
    (text_to_image.at_chance, [7], "bits"),
    (text_to_image.at_chance, [1 / 128], "equally probable"),
    (text_to_image.cross_attention, [attends(axis=0)], "sum to 1"),
    (text_to_image.cross_attention, [attends(root=False)], r"sqrt\(D\)"),
    (text_to_image.cross_attention, [lambda places, *_: places], "expected shape"),
    (text_to_image.attention_to_words, [attends(axis=0, root=False)], "sum to 1"),
    (text_to_image.attention_to_words, [attends(root=False)], r"sqrt\(D\)"),
    (text_to_image.attention_to_words, [lambda x, y, q, k, v: attends()(x, y, q, v, k)], "what is compared"),
    (text_to_image.attention_to_words, [lambda places, *_: np.zeros((6, 8))], "root of D"),
    (text_to_image.contrastive_loss, [contrastive(over=(1,))], "rows alone"),
    (text_to_image.contrastive_loss, [contrastive(over=(0,))], "columns alone"),
    (text_to_image.contrastive_loss, [contrastive(normalize=False)], "length 1"),
    (text_to_image.contrastive_loss, [contrastive(divide=False)], "do not multiply"),
    (text_to_image.contrastive_loss, [lambda *_: 1.0], "cosines"),
    (text_to_image.recall_at, [recall(sign=1)], "largest are the best"),
    (text_to_image.recall_at, [recall(share=True)], "one among the k"),
    (text_to_image.recall_at, [recall(positions=True)], "count as one"),
    (text_to_image.recall_at, [lambda *_: 2.0], "own"),
]
