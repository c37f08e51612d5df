"""Mean and variance of data that arrive in parts."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Population:
    """Count, mean and sum of squared deviations, float64 arrays of one shape; they add up.

    Chan, Golub, LeVeque, "Updating Formulae and a Pairwise Algorithm for Computing Sample
    Variances" (1979), equation 2.1.
    """

    count: np.ndarray
    mean: np.ndarray
    squares: np.ndarray

    @property
    def variance(self) -> np.ndarray:
        """Population variance (divided by n)."""
        variance: np.ndarray = self.squares / self.count
        return variance

    def __add__(self, other: Population) -> Population:
        count = self.count + other.count
        share = other.count / np.maximum(count, 1)
        difference = other.mean - self.mean
        squares = self.squares + other.squares + difference**2 * self.count * share
        return Population(count, self.mean + difference * share, squares)
