"""Batch renormalization as functions of tensors."""
