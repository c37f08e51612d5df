"""Keras' switch of safe mode, which its public functions only set for a whole file."""

from keras.src.saving.serialization_lib import SafeModeScope as SafeModeScope
