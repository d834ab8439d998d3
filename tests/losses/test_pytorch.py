"""Values and gradients of losses that PyTorch has too."""

import numpy as np
import pytest

from sklearn_losses.losses import (
    CrossEntropy,
    Hinge,
    Huber,
    Loss,
)


class TestTorch:
    """Values and gradients of PyTorch's losses."""

    def compare(self, loss, y, raw, function):
        torch = pytest.importorskip("torch")
        point = torch.tensor(raw, requires_grad=True)
        value = function(torch, point)
        value.sum().backward()
        np.testing.assert_allclose(loss.value(y, raw), value.detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(loss.gradient(y, raw), point.grad.numpy(), rtol=1e-9, atol=1e-12)

    def test_losses(self):
        rng = np.random.default_rng(0)
        raw, y, codes = rng.normal(size=(50, 4)), rng.normal(size=50) * 3, rng.integers(0, 4, 50)
        soft = rng.dirichlet(np.ones(4), 50)
        single = raw[:, 0].copy()

        def classes(torch, p, target=codes, smoothing=0.0):
            return torch.nn.functional.cross_entropy(p, torch.tensor(target), reduction="none", label_smoothing=smoothing)

        self.compare(CrossEntropy(), codes, raw, classes)
        self.compare(CrossEntropy(0.2), codes, raw, lambda t, p: classes(t, p, smoothing=0.2))
        self.compare(CrossEntropy(), soft, raw, lambda t, p: classes(t, p, soft))
        self.compare(CrossEntropy(0.3), soft, raw, lambda t, p: classes(t, p, soft, 0.3))
        self.compare(
            Huber(1.2, scale=1.0), y, single,
            lambda t, p: t.nn.functional.huber_loss(p, t.tensor(y), reduction="none", delta=1.2),
        )  # fmt: skip
        self.compare(
            Hinge(), codes, raw,
            lambda t, p: 4 * t.nn.functional.multi_margin_loss(p, t.tensor(codes), reduction="none"),
        )  # fmt: skip
        counted = np.abs(np.round(y))

        def poisson(torch, p):
            full = torch.nn.functional.poisson_nll_loss(p, torch.tensor(counted), reduction="none")
            return 2 * (full + torch.xlogy(torch.tensor(counted), torch.tensor(counted)) - torch.tensor(counted))

        self.compare(Loss.make("poisson"), counted, single, poisson)
