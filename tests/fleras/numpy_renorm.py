"""Algorithm 1 of the batch renormalization paper in float64 NumPy, with its gradients."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Renorm:
    """One training step; parameters and statistics have the rank of the inputs.

    `fixed` holds r and d as constants, as derivatives see them.
    """

    gamma: np.ndarray
    beta: np.ndarray
    moving_mean: np.ndarray
    moving_variance: np.ndarray
    axes: tuple
    clipping: dict
    epsilon: float = 1e-3
    mask: np.ndarray | float = 1.0
    fixed: tuple | None = None

    def moments(self, x):
        """Mean, variance and each element's share; the moving ones where nothing counts."""
        weight = np.broadcast_to(self.mask, x.shape).astype(float)
        count = weight.sum(self.axes, keepdims=True)
        share = weight / np.maximum(count, 1)
        mean = np.where(count, (x * share).sum(self.axes, keepdims=True), self.moving_mean)
        variance = ((x - mean) ** 2 * share).sum(self.axes, keepdims=True)
        return mean, np.where(count, variance, self.moving_variance), share

    def correction(self, mean, variance):
        if self.fixed is not None:
            return self.fixed
        limits = {"rmax": np.inf, "rmin": 0, "dmax": np.inf} | self.clipping
        stddev = np.sqrt(self.moving_variance + self.epsilon)
        r = np.clip(np.sqrt(variance + self.epsilon) / stddev, limits["rmin"], limits["rmax"])
        return r, np.clip((mean - self.moving_mean) / stddev, -limits["dmax"], limits["dmax"])

    def outputs(self, x):
        mean, variance, _ = self.moments(x)
        r, d = self.correction(mean, variance)
        normalized = (x - mean) / np.sqrt(variance + self.epsilon) * r + d
        return self.gamma * normalized + self.beta

    def gradients(self, x, dy):
        """For inputs, gamma and beta, as the paper derives them (section 3)."""
        mean, variance, weight = self.moments(x)
        r, d = self.correction(mean, variance)
        stddev = np.sqrt(variance + self.epsilon)
        through = dy * self.gamma * r / stddev
        of_mean = -through.sum(self.axes, keepdims=True)
        of_variance = -0.5 * (through * (x - mean)).sum(self.axes, keepdims=True) / stddev**2
        dx = through + weight * (of_mean + 2 * (x - mean) * of_variance)
        normalized = (x - mean) / stddev * r + d
        dgamma = (dy * normalized).sum(self.axes, keepdims=True)
        return dx, dgamma, dy.sum(self.axes, keepdims=True)

    def inference(self, x):
        stddev = np.sqrt(self.moving_variance + self.epsilon)
        return self.gamma * (x - self.moving_mean) / stddev + self.beta
