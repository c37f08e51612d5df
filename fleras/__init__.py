"""Batch renormalization for Keras: a layer as fast as fused batch norm, and what trains it."""

from fleras.callbacks import RenormClippingSchedule
from fleras.fused_renorm import BatchNormalization
from fleras.recalibration.recalibrate import recalibrate

__all__ = ["BatchNormalization", "RenormClippingSchedule", "recalibrate"]
