"""All files of an export or none, and the manifest beside them."""
