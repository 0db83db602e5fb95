"""The checks of the chapter A space to walk in take right answers and turn down wrong ones: see test_all.py."""

import numpy as np
from scipy.stats import chi2, norm
from sklearn.linear_model import LinearRegression
from sklearn.metrics import roc_auc_score

from course_lib.checks import latent


def slant_by_regression(image):
    """The slope of a weighted least-squares line, columns by rows."""
    rows, columns = np.mgrid[:28, :28].reshape(2, -1)
    return -LinearRegression().fit(rows[:, None], columns, sample_weight=image.ravel()).coef_[0]


def by_projection(v, u):
    """Least squares: the residual of v on u."""
    return v - u * np.linalg.lstsq(u[:, None], v, rcond=None)[0][0]


def by_scikit_learn(ordinary, other):
    return roc_auc_score([0] * len(ordinary) + [1] * len(other), np.concatenate([ordinary, other]))


def gap_by_sorting(information, entropy):
    rows = [sorted(row, reverse=True) for row in information.tolist()]
    return np.mean([(row[0] - row[1]) / h for row, h in zip(rows, entropy, strict=True)])


RIGHT = [
    (latent.length, [chi2(32).mean() ** 0.5]),
    (latent.quantile, [norm.ppf(0.05)]),
    (latent.slant, [slant_by_regression]),
    (latent.without, [by_projection]),
    (latent.auroc, [by_scikit_learn]),
    (latent.gap, [gap_by_sorting]),
]
WRONG = [
    (latent.length, [32], "take the root"),
    (latent.length, [0], "its length is not"),
    (latent.length, [8], "the distance of two samples"),
    (latent.length, [1], "a variance of 1/2"),
    (latent.quantile, [1.645], "the other side"),
    (latent.quantile, [-1.96], "a fortieth"),
    (latent.quantile, [0.05], "norm.ppf"),
    (latent.slant, [lambda image: -slant_by_regression(image)], "leans right has a negative"),
    (latent.slant, [lambda image: 0], "weighted by its share"),
    (latent.without, [lambda v, u: v - (v @ u) * u], "divide by u"),
    (latent.without, [lambda v, u: v], "v - "),
    (latent.auroc, [lambda ordinary, other: (other[:, None] > ordinary).mean()], "worth one half"),
    (latent.auroc, [lambda ordinary, other: by_scikit_learn(other, ordinary)], "other way round"),
    (latent.auroc, [lambda ordinary, other: 0.9], "over all pairs"),
    (latent.gap, [lambda i, h: np.mean(np.sort(i)[:, -1] - np.sort(i)[:, -2])], "divide each gap"),
    (latent.gap, [lambda i, h: np.mean(i.max(1) / h)], "take off the second"),
    (latent.gap, [lambda i, h: i], "expected shape"),
    (latent.gap, [lambda i, h: 1], "largest minus"),
]
