"""Writes the new model from the decided plan."""
