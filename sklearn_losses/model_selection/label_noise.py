"""The share of labels that are drawn at random, whatever their row.

It is told apart from labels that are uncertain by nature.

Where the features say little, any label contradicts its prediction now and then; that is no sign of
a wrong label. A wrong label shows where the features say much: there the share of the other labels
goes to zero, unless labels are wrong. So the probabilities of rows left out are calibrated twice,
as they are and mixed with labels drawn at random [1]_, [2]_, and the difference of the
log-likelihoods is the evidence.

.. [1] Copas, "Binary regression models for contaminated data", JRSS B 50 (1988).
.. [2] Hausman, Abrevaya and Scott-Morton, "Misclassification of the dependent variable in a
   discrete-response setting", Journal of Econometrics 87 (1998): ``P(y = 1) = a0 + (1 - a0 - a1)
   F(x)``, which the mixture is for two classes.
"""

import numpy as np
from numpy.typing import NDArray
from scipy import stats
from scipy.optimize import minimize
from scipy.special import log_softmax, xlogy

__all__ = ["wrong_label_share"]

# Of the test, as if its statistic were exactly chi-squared; shares on their border make it only
# nearly so.
LEVEL = 0.01
# Times the threshold that the features must say of the labels: steps fitted to next to no signal
# look like noise.
LEARNT = 3.0
MOST_RANDOM = 0.95
# Share of random labels, and factor on the slope without them.
STARTS = ((0.02, 1.0), (0.3, 2.0), (0.6, 4.0))


def wrong_label_share(log_proba: NDArray[np.float64], codes: NDArray[np.intp]) -> tuple[float, float, float]:
    """Estimate the share of wrong labels from the probabilities of rows left out.

    Parameters
    ----------
    log_proba : ndarray of shape (n_samples, n_classes)
        Logarithms of out-of-fold probabilities.
    codes : ndarray of int of shape (n_samples,)
        The labels, as columns of `log_proba`.

    Returns
    -------
    share : float
        Estimated share of the rows with a wrong label; 0 where the evidence is below `threshold`,
        or where the features say too little of the labels to tell.
    evidence : float
        Twice the gain in log-likelihood over a calibration without random labels.
    threshold : float
        What the evidence has to exceed.
    """
    n_classes = log_proba.shape[1]
    log_proba = np.maximum(log_proba, np.log(np.finfo(np.float64).tiny))
    # Any two classes may look mixed by chance (Bonferroni).
    n_pairs = n_classes * (n_classes - 1) / 2
    threshold = float(stats.chi2.isf(LEVEL / n_pairs, n_classes))
    # A class that is spread more widely than another looks like random labels to a straight
    # calibration; the quadratic one has more to fit, and so needs more rows: only what both see
    # counts.
    fits = [_Calibration(log_proba, codes, quadratic).compared() for quadratic in (False, True)]
    evidence = min(gain for gain, _, _ in fits)
    share = min(share for _, share, _ in fits)
    learnt = fits[0][2]
    return (share if evidence > threshold and learnt > LEARNT * threshold else 0.0), evidence, threshold


class _Calibration:
    """Multinomial regression of the labels on out-of-fold scores, with and without random labels.

    Parameters are a slope, then weights of the columns of `design` for each class but the first,
    then the shares of all labels that are drawn at random as each class. The design is a constant,
    and if `quadratic` the scores and their squares, which is exact for two or three normal classes
    of different spread.
    """

    def __init__(self, log_proba, codes, quadratic):
        scores = log_proba - log_proba.mean(axis=1, keepdims=True)
        scores = scores / (np.median(np.abs(scores)) or 1.0)
        self.scores, self.codes = scores, codes
        self.n_rows, self.n_classes = scores.shape
        columns = [np.ones((self.n_rows, 1))]
        if quadratic:
            # Scores have mean 0 in each row: of two columns one says all, and the slope is there
            # already.
            columns += [scores[:, 2:] if self.n_classes == 2 else scores[:, 1:]]
            columns += [scores[:, 1:] ** 2 if self.n_classes == 2 else scores**2]
        self.design = np.hstack(columns)
        self.design /= np.sqrt(np.mean(self.design**2, axis=0)) + np.finfo(float).tiny
        self.label = np.zeros(scores.shape)
        self.label[np.arange(self.n_rows), codes] = 1
        self.n_slopes = 1 + self.design.shape[1] * (self.n_classes - 1)

    def proba(self, params):
        raw = params[0] * self.scores
        raw[:, 1:] += self.design @ params[1 : self.n_slopes].reshape(self.design.shape[1], -1)
        return np.exp(log_softmax(raw, axis=1))

    def value_and_gradient(self, params):
        """The mean negative log-likelihood; `params` without shares mean no random labels."""
        shares = params[self.n_slopes :]
        proba = self.proba(params)
        own = proba[np.arange(self.n_rows), self.codes]
        kept = 1 - shares.sum()
        drawn = shares[self.codes] if len(shares) else 0.0
        mixed = np.maximum(kept * own + drawn, np.finfo(float).tiny)
        pull = (kept * own / mixed)[:, None] * (proba - self.label) / self.n_rows
        gradient = [[np.sum(pull * self.scores)], (self.design.T @ pull[:, 1:]).ravel()]
        if len(shares):
            gradient.append(np.mean(own / mixed) - np.bincount(self.codes, 1 / mixed, self.n_classes) / self.n_rows)
        return -np.mean(np.log(mixed)), np.concatenate(gradient)

    def compared(self):
        """Compare the labels with and without labels drawn at random.

        Returns twice the gain in log-likelihood by random labels, the share of the labels that are
        then wrong, and twice the gain over the shares of the classes alone.
        """
        free = [(None, None)] * (self.n_slopes - 1)
        start = np.zeros(self.n_slopes)
        start[0] = 1.0
        plain = _lowest(self.value_and_gradient, start, [(0, None), *free])
        counted = np.bincount(self.codes, minlength=self.n_classes) / self.n_rows
        bounds = [(0, None), *free, *[(0, MOST_RANDOM / self.n_classes)] * self.n_classes]
        ends = [
            _lowest(self.value_and_gradient, np.append(steeper * plain.x, share * counted), bounds) for share, steeper in STARTS
        ]
        best = min(ends, key=lambda end: end.fun)
        shares = best.x[self.n_slopes :]
        # A label that is drawn at random is right by chance as often as its class is the true one.
        wrong = shares.sum() - shares @ self.proba(best.x).mean(axis=0)
        of_shares = -np.sum(xlogy(counted, counted))
        return max(0.0, 2 * self.n_rows * (plain.fun - best.fun)), float(wrong), 2 * self.n_rows * (of_shares - best.fun)


def _lowest(function, start, bounds):
    return minimize(function, start, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 300})
