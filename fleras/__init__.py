"""fleras."""
