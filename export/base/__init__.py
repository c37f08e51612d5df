"""What everything else stands on: errors, artifacts, files."""
