"""Batch renormalization for Keras: a layer as fast as fused batch norm, and what trains it."""

from fleras.callbacks import RenormClippingSchedule
from fleras.fused_renorm import BatchNormalization
from fleras.parts import offer
from fleras.recalibration.recalibrate import recalibrate
from fleras.replacement import replace_batch_norms, to_keras_batch_norms

__all__ = [
    "BatchNormalization",
    "RenormClippingSchedule",
    "recalibrate",
    "replace_batch_norms",
    "to_keras_batch_norms",
]

offer()
