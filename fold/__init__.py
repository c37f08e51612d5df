"""Removes frozen batch norms from a Keras model, exactly, and says why any stay."""

from fold.affine import FoldError
from fold.batch_norms import FoldResult, fold_batch_norms
from fold.report.report import Record, Report

__all__ = ["FoldError", "FoldResult", "Record", "Report", "fold_batch_norms"]
