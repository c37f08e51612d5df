"""The commands of `fleras`, one file each."""
