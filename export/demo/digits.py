"""scikit-learn's handwritten digits: 8 x 8 pixels, 1797 images."""

import numpy as np

from export.base.errors import InputError

Labeled = tuple[np.ndarray, np.ndarray]
Digits = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]


def images() -> Labeled:
    """All of them, [n, 8, 8, 1] in [0, 1], and what they show.

    Raises:
        InputError: scikit-learn is not installed.
    """
    try:
        from sklearn.datasets import load_digits
    except ImportError as error:
        raise InputError(
            "the demo needs scikit-learn for its images; pip install 'fleras[demo]'"
        ) from error
    pixels, labels = load_digits(return_X_y=True)
    return (pixels / 16).astype("float32").reshape(-1, 8, 8, 1), labels


def split(x: np.ndarray, y: np.ndarray, share: float, seed: int = 0) -> tuple[Labeled, Labeled]:
    """Two sets with as many of each digit, relatively; the second has this share of the images."""
    from sklearn.model_selection import train_test_split

    x_train, x_test, y_train, y_test = train_test_split(
        x, y, test_size=share, random_state=seed, stratify=y
    )
    return (x_train, y_train), (x_test, y_test)


def digits(seed: int = 0) -> Digits:
    """Images and labels for training, then a fifth of both for testing."""
    train, test = split(*images(), 0.2, seed)
    return *train, *test
