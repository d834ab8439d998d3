"""The optimum of a convex objective with a linear model, found in extended precision and with
nothing of the package.

    minimise   sum_i s_i * loss(y_i, raw_i) / sum_i s_i   +   alpha * ( (1 - l1_ratio)/2 * |w|^2 +
    l1_ratio * |w|_1 )

Newton's method in `numpy.longdouble`, on columns that are orthonormal in the metric of rows and
ridge. A kink comes by the logarithmic barrier of its epigraph, ``min over tau > |t| of tau - mu
log(tau^2 - t^2)``, whose weight mu falls to 0 (Boyd and Vandenberghe, "Convex Optimization" (2004),
section 11.3). Whatever the method does, what it returns is the formula at a point, so a fit with a
larger value is not optimal; how far it gets decides only on what is found out.

A loss here is an object with ``rows(y, raw, mu)``: values (n,), gradients (n, K) and second
derivatives (n, K, K) for raw (n, K); the values are exact where mu is 0.
"""

import numpy as np

LONG = np.longdouble


# Curves of one number t: value, slope and curvature.


def absolute(t, mu):
    """``|t|``."""
    root = np.sqrt(mu * mu + t * t)
    top = mu + root
    if not np.any(mu):
        return root, np.sign(t), np.zeros_like(t)
    return top - mu * np.log(top / mu), t / top, mu / (root * top)


def kink(t, left, right, mu):
    """``max(left * t, right * t)``."""
    half, middle = LONG(right - left) / 2, LONG(left + right) / 2
    value, slope, bend = absolute(t, mu / half)
    return middle * t + half * value, middle + half * slope, half * bend


def squared(t, mu):
    return t * t, 2 * t, np.full_like(t, 2)


def pinball(quantile):
    return lambda t, mu: kink(t, LONG(quantile) - 1, LONG(quantile), mu)


def expectile(level):
    def curve(t, mu):
        share = np.where(t < 0, 1 - LONG(level), LONG(level))
        return share * t * t, 2 * share * t, 2 * share

    return curve


def insensitive(epsilon):
    if epsilon == 0:
        return absolute

    def curve(t, mu):
        below, above = kink(t + epsilon, -1, 0, mu), kink(t - epsilon, 0, 1, mu)
        return tuple(one + other for one, other in zip(below, above, strict=True))

    return curve


def squared_insensitive(epsilon):
    def curve(t, mu):
        beyond = t - np.clip(t, -LONG(epsilon), LONG(epsilon))
        return beyond * beyond, 2 * beyond, 2 * (beyond != 0).astype(LONG)

    return curve


def log_cosh(t, mu):
    size = np.abs(t)
    decay = np.exp(-2 * size)
    small = np.log1p(2 * np.sinh(np.minimum(size, 1) / 2) ** 2)
    value = np.where(size < 1, small, size + np.log1p(decay) - np.log(LONG(2)))
    return value, np.tanh(t), 4 * decay / (1 + decay) ** 2


def huber(delta, scale):
    def curve(t, mu):
        u = t / scale
        clipped = np.clip(u, -LONG(delta), LONG(delta))
        return scale**2 * clipped * (u - clipped / 2), scale * clipped, (np.abs(u) <= delta).astype(LONG)

    return curve


def fair(c, scale):
    c, scale = LONG(c), LONG(scale)

    def curve(t, mu):
        size = np.abs(t / scale) / c
        return scale**2 * c**2 * (size - np.log1p(size)), t / (1 + size), 1 / (1 + size) ** 2

    return curve


def barron(shape, c, scale):
    shape, c, scale = LONG(shape), LONG(c), LONG(scale)

    def curve(t, mu):
        square = (t / scale / c) ** 2
        if shape == 2:
            return scale**2 * square / 2, t / c**2, np.full_like(t, 1 / c**2)
        size = abs(shape - 2)
        base = square / size + 1
        value = size / shape * np.expm1(shape / 2 * np.log1p(square / size))
        bend = (base + np.sign(shape - 2) * square) * base ** (shape / 2 - 2)
        return scale**2 * value, t / c**2 * base ** (shape / 2 - 1), bend / c**2

    return curve


def lopsided(t, mu):
    """``3 t^2`` above 0 and ``t^2`` below: the custom loss."""
    share = np.where(t > 0, LONG(3), LONG(1))
    return share * t * t, 2 * share * t, 2 * share


def hinge(t, mu):
    return kink(t - 1, -1, 0, mu)


def squared_hinge(t, mu):
    short = np.maximum(1 - t, 0)
    return short * short, -2 * short, 2 * (t < 1).astype(LONG)


def modified_huber(t, mu):
    short = np.maximum(1 - np.maximum(t, -1), 0)
    return short * short + 4 * np.maximum(-1 - t, 0), -2 * short, 2 * (np.abs(t) < 1).astype(LONG)


def exponential(t, mu):
    value = np.exp(-t)
    return value, -value, value


# Losses of a row.


class Residual:
    """A curve of ``y - raw``."""

    constants = 0

    def __init__(self, curve):
        self.curve = curve

    def rows(self, y, raw, mu):
        value, slope, bend = self.curve(y - raw[:, 0], mu)
        return value, -slope[:, None], bend[:, None, None]


class Deviance:
    """Tweedie deviances of a power from 1 to 2 with a log link."""

    constants = 0

    def __init__(self, power):
        self.power = LONG(power)

    def rows(self, y, raw, mu):
        p, raw = self.power, raw[:, 0]
        if p == 1:
            log = np.where(y > 0, np.log(np.where(y > 0, y, 1)), 0)
            value, slope, bend = y * (log - raw) - y + np.exp(raw), np.exp(raw) - y, np.exp(raw)
        elif p == 2:
            value, slope, bend = raw - np.log(y) + y * np.exp(-raw) - 1, 1 - y * np.exp(-raw), y * np.exp(-raw)
        else:
            first, second = y * np.exp((1 - p) * raw), np.exp((2 - p) * raw)
            value = first / (p - 1) + second / (2 - p) + y ** (2 - p) / ((1 - p) * (2 - p))
            slope, bend = second - first, (2 - p) * second + (p - 1) * first
        return 2 * value, 2 * slope[:, None], 2 * bend[:, None, None]


class Targets:
    """The mean over several targets, a loss for each."""

    constants = 0

    def __init__(self, losses):
        self.losses = losses

    def rows(self, y, raw, mu):
        number = len(self.losses)
        value, slope, bend = np.zeros(len(y), LONG), np.zeros_like(raw), np.zeros((*raw.shape, number), LONG)
        for k, loss in enumerate(self.losses):
            own = loss.rows(y[:, k], raw[:, k : k + 1], mu * number)
            value += own[0] / number
            slope[:, k], bend[:, k, k] = own[1][:, 0] / number, own[2][:, 0, 0] / number
        return value, slope, bend


class Margin:
    """A curve of the margin of two classes, or its sum over the other classes."""

    constants = 0

    def __init__(self, curve):
        self.curve = curve

    def rows(self, y, raw, mu):
        if raw.shape[1] == 1:
            sign = np.where(y == 1, LONG(1), LONG(-1))
            value, slope, bend = self.curve(sign * raw[:, 0], mu)
            return value, (sign * slope)[:, None], bend[:, None, None]
        rows = np.arange(len(y))
        total, slopes, bends = np.zeros(len(y), LONG), np.zeros_like(raw), np.zeros((*raw.shape, raw.shape[1]), LONG)
        for other in range(raw.shape[1]):
            value, slope, bend = self.curve(raw[rows, y] - raw[:, other], mu)
            way = np.zeros_like(raw)
            way[rows, y] += 1
            way[:, other] -= 1
            counts = y != other
            total += counts * value
            slopes += (counts * slope)[:, None] * way
            bends += (counts * bend)[:, None, None] * way[:, :, None] * way[:, None, :]
        return total, slopes, bends


class Softmax:
    """Cross-entropy, with a share of each label spread over all classes."""

    constants = 0

    def __init__(self, smoothing=0.0):
        self.smoothing = LONG(smoothing)

    def rows(self, y, raw, mu):
        scores = np.hstack([np.zeros_like(raw), raw]) if raw.shape[1] == 1 else raw
        target = np.full_like(scores, self.smoothing / scores.shape[1])
        target[np.arange(len(y)), y] += 1 - self.smoothing
        # The sum of the others is taken apart, so that a small loss keeps its digits.
        top = scores.max(axis=1, keepdims=True)
        shares = np.exp(scores - top)
        first = scores.argmax(axis=1)
        rest = shares.copy()
        rest[np.arange(len(y)), first] = 0
        value = (target * (top - scores)).sum(axis=1) + np.log1p(rest.sum(axis=1))
        shares /= shares.sum(axis=1, keepdims=True)
        slope = shares - target
        bend = shares[:, :, None] * (np.eye(scores.shape[1]) - shares[:, None, :])
        return (value, slope, bend) if raw.shape[1] > 1 else (value, slope[:, 1:], bend[:, 1:, 1:])


class Largest:
    """``max over j of 1 + raw_j - raw_own``, 0 for the own class: Crammer and Singer's hinge."""

    constants = 0

    def rows(self, y, raw, mu):
        if raw.shape[1] == 1:
            return Margin(hinge).rows(y, raw, mu)
        rows = np.arange(len(y))
        v = 1 + raw - raw[rows, y][:, None]
        v[rows, y] = 0
        way = np.zeros((*raw.shape, raw.shape[1]), LONG)  # of violation j in the scores
        way[:, np.arange(raw.shape[1]), np.arange(raw.shape[1])] = 1
        way[rows, :, y] -= 1
        top = v.max(axis=1, keepdims=True)
        if not np.any(mu):
            share = (v == top) / (v == top).sum(axis=1, keepdims=True)
            return top[:, 0], np.einsum("nj,njk->nk", share, way), np.zeros_like(way)
        mu = mu[:, None]
        tau = top + mu
        for _ in range(12):  # Newton's method on a concave rising function, from its left
            inverse = 1 / (tau - v)
            total = inverse.sum(axis=1, keepdims=True)
            tau = tau - (1 / total - mu) * total**2 / (inverse**2).sum(axis=1, keepdims=True)
        share = mu / (tau - v)
        value = tau - mu * np.log((tau - v) / mu).sum(axis=1, keepdims=True)
        squares = share**2
        inner = -squares[:, :, None] * squares[:, None, :] / squares.sum(axis=1)[:, None, None]
        inner[:, np.arange(raw.shape[1]), np.arange(raw.shape[1])] += squares
        bend = np.einsum("njk,njl,nlm->nkm", way, inner / mu[:, :, None], way)
        return value[:, 0], np.einsum("nj,njk->nk", share, way), bend


class Sum:
    """A weighted sum of losses."""

    constants = 0

    def __init__(self, parts):
        self.parts = parts

    def rows(self, y, raw, mu):
        parts = [(LONG(weight), loss.rows(y, raw, mu / LONG(weight))) for weight, loss in self.parts]
        return tuple(sum(weight * part[k] for weight, part in parts) for k in range(3))


class Costs:
    """``sum_k cost[y, k] * loss(other class than k, raw)`` for two classes.

    Costs are measured from the least of a class.
    """

    constants = 0

    def __init__(self, loss, cost):
        cost = np.asarray(cost, dtype=LONG)
        self.loss, self.cost = loss, cost - cost.min(axis=1, keepdims=True)

    def rows(self, y, raw, mu):
        total = [0, 0, 0]
        for code in (0, 1):
            cost = self.cost[y, code]
            part = self.loss.rows(np.full(len(y), 1 - code), raw, mu / np.maximum(cost, LONG("1e-30")))
            total = [one + (cost * other.T).T for one, other in zip(total, part, strict=True)]
        return tuple(total)


class Threshold:
    """``c + excess(loss - c)``, where the threshold c is one more column of raw: an aggregate of
    the losses of all rows.
    """

    constants = 1

    def __init__(self, loss):
        self.loss = loss

    def rows(self, y, raw, mu):
        value, slope, bend = self.loss.rows(y, raw[:, :-1], mu)
        outer, up, curved = self.excess(value - raw[:, -1], mu)
        way = np.hstack([slope, -np.ones((len(y), 1), LONG)])
        bends = curved[:, None, None] * way[:, :, None] * way[:, None, :]
        bends[:, :-1, :-1] += up[:, None, None] * bend
        slopes = up[:, None] * way
        slopes[:, -1] += 1
        return outer + raw[:, -1], slopes, bends


class WorstShare(Threshold):
    """The mean of the largest losses, those of a share of the rows."""

    def __init__(self, loss, share):
        super().__init__(loss)
        self.part = LONG(share)

    def excess(self, t, mu):
        return kink(t, 0, 1 / self.part, mu)

    def over_rows(self, losses, share):
        order = np.argsort(-losses)
        before = np.cumsum(share[order]) - share[order]
        return np.clip(self.part - before, 0, share[order]) @ losses[order] / self.part


class Tilted(Threshold):
    """``log(mean(exp(tilt * loss))) / tilt``."""

    def __init__(self, loss, tilt):
        super().__init__(loss)
        self.tilt = LONG(tilt)

    def excess(self, t, mu):
        grown = np.exp(self.tilt * t)
        return np.expm1(self.tilt * t) / self.tilt, grown, self.tilt * grown

    def over_rows(self, losses, share):
        top = losses.max()
        return top + np.log1p(share @ np.expm1(self.tilt * (losses - top))) / self.tilt


# The objective.


class Problem:
    """Rows, loss and penalty in extended precision.

    Parameters
    ----------
    loss : object
        With ``rows``, see above.
    X : ndarray of shape (n, p)
    y : ndarray of shape (n,) or (n, n_targets)
        Floats, or codes of classes.
    weight : ndarray of shape (n,) or None
    outputs : int
    alpha, l1_ratio : float
    fit_intercept : bool
    """

    def __init__(self, loss, X, y, weight, outputs, alpha, l1_ratio, fit_intercept):
        weight = np.ones(len(y)) if weight is None else weight
        kept = weight > 0
        self.loss, self.outputs, self.fit_intercept = loss, outputs, fit_intercept
        self.X = np.asarray(X)[kept].astype(LONG)
        self.y = y[kept] if y.dtype.kind == "i" else y[kept].astype(LONG)
        share = weight[kept].astype(LONG)
        self.share = share / share.sum()
        self.ridge, self.l1 = LONG(alpha) * (1 - LONG(l1_ratio)), LONG(alpha) * LONG(l1_ratio)

    def value(self, coef, intercept):
        """The formula at a model, with the best threshold where there is one.

        Parameters
        ----------
        coef : ndarray of shape (outputs, p)
        intercept : ndarray of shape (outputs,)
        """
        coef = np.asarray(coef).astype(LONG)
        raw = self.X @ coef.T + np.asarray(intercept).astype(LONG)
        penalty = self.ridge / 2 * np.sum(coef**2) + self.l1 * np.sum(np.abs(coef))
        loss = self.loss.loss if self.loss.constants else self.loss
        with np.errstate(all="ignore"):
            losses = loss.rows(self.y, raw, np.zeros(len(raw), LONG))[0]
        return penalty + (self.loss.over_rows(losses, self.share) if self.loss.constants else self.share @ losses)

    def rounding(self, coef, intercept, precision):
        """What the rounding of the parameters to `precision` may change in the value."""
        coef, intercept = np.asarray(coef).astype(LONG), np.asarray(intercept).astype(LONG)
        raw = self.X @ coef.T + intercept
        size = np.abs(self.X) @ np.abs(coef).T + np.abs(intercept)
        loss = getattr(self.loss, "loss", self.loss) if self.loss.constants else self.loss
        with np.errstate(all="ignore"):
            slope, bend = loss.rows(self.y, raw, np.zeros(len(raw), LONG))[1:]
            moved = precision * size
            change = np.sum(np.abs(slope) * moved, axis=1) + np.einsum("nk,nkl,nl->n", moved, np.abs(bend), moved)
        return self.share @ change + precision * (self.ridge * np.sum(coef**2) + self.l1 * np.sum(np.abs(coef)))

    def minimum(self, accuracy=1e-9, steps=600):
        """The least value that Newton's method finds, and its point: (value, coef, intercept)."""
        return _Descent(self).run(accuracy, steps)

    def null(self):
        """The least value without coefficients."""
        empty = object.__new__(Problem)
        vars(empty).update(vars(self), X=self.X[:, :0])
        return empty.minimum()[0]


class _Descent:
    """Newton's method in the coordinates z of ``raw = B z``, ``w = T z``."""

    def __init__(self, problem):
        self.problem, X = problem, problem.X
        center = problem.share @ X if problem.fit_intercept else np.zeros(X.shape[1], LONG)
        columns = X - center
        scale = np.sqrt(problem.share @ columns**2)
        # What is left of a constant column is the rounding of its mean.
        used = np.flatnonzero(scale > LONG("1e-17") * np.max(np.abs(X), axis=0, initial=0))
        rounding = LONG("1e-19") * np.max(np.max(np.abs(X), axis=0, initial=0)[used] / scale[used], initial=1)
        columns, scale = columns[:, used] / scale[used], scale[used]
        change = np.diag(1 / scale) if len(used) else np.zeros((0, 0), LONG)
        if not problem.l1:
            columns, change = _orthonormal(columns, change, problem, 1000 * rounding)
        if problem.fit_intercept:
            columns = np.hstack([columns, np.ones((len(X), 1), LONG)])
        self.B, self.T, self.used, self.center = columns, change, used, center

    def split(self, z):
        """Coefficients (p, outputs), intercepts and constants."""
        problem, q = self.problem, self.B.shape[1]
        Z, constants = z[: q * problem.outputs].reshape(q, problem.outputs), z[q * problem.outputs :]
        coef = np.zeros((problem.X.shape[1], problem.outputs), LONG)
        coef[self.used] = self.T @ Z[: self.T.shape[1]]
        intercept = Z[-1] - self.center @ coef if problem.fit_intercept else np.zeros(problem.outputs, LONG)
        return coef, intercept, constants

    def evaluate(self, z, mu, derivatives=True):
        problem, q, K = self.problem, self.B.shape[1], self.problem.outputs
        raw = np.hstack([self.B @ z[: q * K].reshape(q, K), np.broadcast_to(z[q * K :], (len(self.B), len(z) - q * K))])
        value, slope, bend = problem.loss.rows(problem.y, raw, mu / problem.share)
        total = problem.share @ value
        W = self.T @ z[: q * K].reshape(q, K)[: self.T.shape[1]]
        l1 = absolute(W, np.full_like(W, mu / problem.l1)) if problem.l1 else None
        total += problem.ridge / 2 * np.sum(W**2) + (problem.l1 * np.sum(l1[0]) if problem.l1 else 0)
        # Margins that may grow for ever at no cost are kept finite.
        keep = mu / 1000 if problem.y.dtype.kind == "i" else LONG(0)
        total += keep / 2 * z @ z
        if not derivatives:
            return total
        slope, bend = problem.share[:, None] * slope, problem.share[:, None, None] * bend
        pull = problem.ridge * W + (problem.l1 * l1[1] if problem.l1 else 0)
        bends = problem.ridge + (problem.l1 * l1[2] if problem.l1 else np.zeros_like(W))
        return total, self._gradient(slope, pull) + keep * z, self._hessian(bend, bends) + keep * np.eye(len(z))

    def _gradient(self, slope, pull):
        K = self.problem.outputs
        gradient = self.B.T @ slope[:, :K]
        gradient[: self.T.shape[1]] += self.T.T @ pull
        return np.concatenate([gradient.ravel(), slope[:, K:].sum(axis=0)])

    def _hessian(self, bend, bends):
        q, K, r = self.B.shape[1], self.problem.outputs, self.T.shape[1]
        matrix = np.zeros((q * K + bend.shape[1] - K,) * 2, LONG)
        for k in range(K):
            own = slice(k, q * K, K)
            for other in range(K):
                matrix[own, slice(other, q * K, K)] = self.B.T @ (self.B * bend[:, k, other, None])
            matrix[own, own][:r, :r] += self.T.T @ (self.T * bends[:, k, None])
            matrix[own, q * K :] = self.B.T @ bend[:, k, K:]
            matrix[q * K :, own] = matrix[own, q * K :].T
        matrix[q * K :, q * K :] = bend[:, K:, K:].sum(axis=0)
        return matrix

    def start(self):
        """Constant predictions in the middle of the targets, and a threshold at their loss."""
        problem = self.problem
        z = np.zeros(self.B.shape[1] * problem.outputs, LONG)
        if problem.fit_intercept and problem.y.dtype.kind != "i":
            center = problem.share @ problem.y
            if isinstance(problem.loss, Deviance) or isinstance(getattr(problem.loss, "losses", [None])[0], Deviance):
                center = np.log(np.maximum(center, LONG("1e-300")))
            z[-problem.outputs :] = center
        if problem.loss.constants:
            raw = self.B @ z.reshape(-1, problem.outputs)
            z = np.append(z, problem.share @ problem.loss.loss.rows(problem.y, raw, np.zeros(len(raw), LONG))[0])
        return z

    def run(self, accuracy, steps):
        problem, z = self.problem, self.start()
        if not len(z):
            return problem.value(*self._model(z)), *self._model(z)
        with np.errstate(all="ignore"):
            first = self.evaluate(z, LONG(0), derivatives=False)
            mu = first / len(problem.y)
            kinks = 2 * (problem.outputs + 1) * len(problem.y) + 2 * len(self.used) * problem.outputs
            smooth = not problem.l1 and not np.any(self.evaluate(z, mu)[0] != self.evaluate(z, LONG(0))[0])
            mu = LONG(0) if smooth else mu
            while True:
                z, steps = self._center(z, mu, first, steps)
                value = self.evaluate(z, LONG(0), derivatives=False)
                goal = max(accuracy * min(value, 1e-3 * (first - value) + 1e-6 * value), 1e-17 * first)
                if steps <= 0 or mu * kinks <= goal:
                    break
                mu /= 10
        return problem.value(*self._model(z)), *self._model(z)

    def _model(self, z):
        coef, intercept, _ = self.split(z)
        return coef.T, intercept

    def _center(self, z, mu, first, steps):
        """Newton steps for one weight of the barrier, damped where the curvature says too little of
        the way ahead.
        """
        enough, damping, last = (0.01 * mu if mu else LONG("1e-22") * first), LONG(0), np.inf
        value, gradient, hessian = self.evaluate(z, mu)
        while steps > 0:
            steps -= 1
            direction = self._centered(-_solve(hessian + damping * np.eye(len(z)), gradient))
            decrement = -gradient @ direction
            hidden = decrement < 1e-15 * abs(value)
            if not decrement > enough or (hidden and not decrement < 0.5 * last):
                break
            for length in LONG(0.5) ** np.arange(6):
                point = z + length * direction
                if self.evaluate(point, mu, derivatives=False) <= value - (0 if hidden else 0.1 * length * decrement):
                    break
            else:
                if damping > 1e30:
                    break
                damping = max(10 * damping, LONG("1e-6") * np.max(np.abs(gradient)) / (1 + np.max(np.abs(z))))
                continue
            z, last, damping = point, decrement, damping / 10 if damping > 1e-30 else LONG(0)
            value, gradient, hessian = self.evaluate(z, mu)
        return z, steps

    def _centered(self, direction):
        """Without the common shift of all classes, of which no loss knows."""
        problem, q = self.problem, self.B.shape[1]
        if problem.y.dtype.kind == "i" and problem.outputs > 1:
            Z = direction[: q * problem.outputs].reshape(q, problem.outputs)  # a view
            first = self.T.shape[1] if problem.l1 else 0
            Z[first:] -= Z[first:].mean(axis=1, keepdims=True)
        return direction


def _orthonormal(columns, change, problem, least):
    """Columns that are orthonormal over rows and ridge together, those that depend on others left
    out.
    """
    rows = np.vstack([columns, np.sqrt(problem.ridge) * change])
    metric = np.append(problem.share, np.ones(len(change), LONG))
    done = []
    for k in range(rows.shape[1]):
        column, coordinates = rows[:, k], change[:, k]
        before = np.sqrt(metric @ column**2)
        for _ in range(2):
            for other, way in done:
                along = (metric * other) @ column
                column, coordinates = column - along * other, coordinates - along * way
        size = np.sqrt(metric @ column**2)
        if size > least * before:
            done.append((column / size, coordinates / size))
    if not done:
        return columns[:, :0], change[:, :0]
    whole, ways = (np.stack(part, axis=1) for part in zip(*done, strict=True))
    return whole[: len(columns)], ways


def _solve(matrix, right):
    """The solution of a symmetric system, its diagonal scaled to 1 and lifted as far as Cholesky's
    factor asks for.
    """
    unit = np.sqrt(np.maximum(np.diag(matrix), LONG("1e-4000")))
    scaled, lift = matrix / unit[:, None] / unit, LONG("1e-18")
    while True:
        factor = _cholesky(scaled + lift * np.eye(len(scaled)))
        if factor is not None:
            return _substitute(factor, right / unit) / unit
        lift *= 100


def _cholesky(matrix):
    factor = matrix.copy()
    for k in range(len(factor)):
        pivot = factor[k, k]
        if not pivot > 0:
            return None
        factor[k:, k] /= np.sqrt(pivot)
        below = factor[k + 1 :, k]
        factor[k + 1 :, k + 1 :] -= below[:, None] * below
    return factor


def _substitute(factor, right):
    x = right.copy()
    for k in range(len(x)):
        x[k] = (x[k] - factor[k, :k] @ x[:k]) / factor[k, k]
    for k in reversed(range(len(x))):
        x[k] = (x[k] - factor[k + 1 :, k] @ x[k + 1 :]) / factor[k, k]
    return x
