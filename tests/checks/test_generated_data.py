"""The checks of the chapter on generated data take right answers and turn down wrong ones."""

import numpy as np

from course_lib.checks import generated_data


def auc(members, others):
    return (members[:, None] > others).mean() + (members[:, None] == others).mean() / 2


def disc(s, radius, x, y, theta, *, sense=1, chords=2, turning=True, positive=True):
    middle = x * np.cos(theta) + sense * y * np.sin(theta) if turning else x
    square = radius**2 - (s - middle) ** 2
    return chords * np.sqrt(np.maximum(square, 0) if positive else square)


def drawn(labels, count, rng, *, replace=False, each=None, strict=True):
    classes = np.unique(labels)
    if strict and count < len(classes):
        raise ValueError(f"Expected {len(classes)} or more, got {count}.")
    many = count // len(classes) if each is None else each
    return np.concatenate([rng.choice(np.flatnonzero(labels == k), many, replace=replace) for k in classes])


def first(labels, count, rng):
    classes = np.unique(labels)
    return np.concatenate([np.flatnonzero(labels == k)[: count // len(classes)] for k in classes])


def refused(labels, count, rng):
    if count < 4:
        raise KeyError(count)
    return drawn(labels, count, rng)


def split(count, copies, rng, *, shuffled=True, late=False, everywhere=False, lost=0):
    order = rng.permutation(count) if shuffled else np.arange(count)
    if late:
        all_of_them = rng.permutation(np.repeat(np.arange(count), copies))
        return all_of_them[: -len(all_of_them) // 5], all_of_them[-len(all_of_them) // 5 :]
    cut = count - count // 5
    train, test = np.repeat(order[lost:cut], copies), order[cut:]
    return train, np.repeat(test, copies) if everywhere else test


def with_options(function, **options):
    return lambda *arguments: function(*arguments, **options)


RIGHT = [
    (generated_data.auc_by_hand, [10 / 12]),
    (generated_data.auc_by_hand, [0.833]),
    (generated_data.threshold, [4.7534 / 256]),
    (generated_data.threshold, [0.0186]),
    (generated_data.auc, [auc]),
    (generated_data.disc, [disc]),
    (generated_data.balanced, [drawn]),
    (generated_data.two_sets, [split]),
]
WRONG = [
    (generated_data.auc_by_hand, [2 / 12], "wrong order"),
    (generated_data.auc_by_hand, [10], "which share"),
    (generated_data.auc_by_hand, [0.5], "3 x 4 pairs"),
    (generated_data.threshold, [4.7534], "in standard deviations"),
    (generated_data.threshold, [4.7534 / 65536], "ROOT"),
    (generated_data.threshold, [4.8916 / 256], "one side"),
    (generated_data.threshold, [0.03], "4.75"),
    (generated_data.auc, [lambda members, others: 1 - auc(members, others)], "other way round"),
    (generated_data.auc, [lambda members, others: (members[:, None] > others).mean()], "count half"),
    (generated_data.auc, [lambda members, others: members.mean() - others.mean()], "share of pairs"),
    (generated_data.disc, [with_options(disc, positive=False)], "no chord"),
    (generated_data.disc, [with_options(disc, chords=1)], "half of the chord"),
    (generated_data.disc, [with_options(disc, turning=False)], "moves with theta"),
    (generated_data.disc, [with_options(disc, sense=-1)], "other sense"),
    (generated_data.disc, [lambda s, *_: s], "the chord"),
    (generated_data.balanced, [with_options(drawn, each=4)], "expected 20 positions"),
    (generated_data.balanced, [lambda labels, count, rng: np.arange(300, 320)], "positions 0..199"),
    (generated_data.balanced, [lambda labels, count, rng: np.zeros(20)], "stands twice"),
    (generated_data.balanced, [lambda labels, count, rng: rng.choice(200, count, replace=False)], "five of each"),
    (generated_data.balanced, [first], "other positions"),
    (generated_data.balanced, [with_options(drawn, strict=False)], "raise ValueError"),
    (generated_data.balanced, [refused], "got KeyError"),
    (generated_data.two_sets, [with_options(split, late=True)], "in both sets"),
    (generated_data.two_sets, [with_options(split, everywhere=True)], "stands twice"),
    (generated_data.two_sets, [with_options(split, lost=1)], "in neither set"),
    (generated_data.two_sets, [with_options(split, shuffled=False)], "shuffle first"),
    (generated_data.two_sets, [lambda count, copies, rng: (np.arange(40), np.arange(45, 50))], "expected 10 test"),
    (generated_data.two_sets, [lambda count, copies, rng: (np.arange(40), np.arange(40, 50))], "8 times"),
]
