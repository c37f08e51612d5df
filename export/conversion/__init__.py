"""The steps of a conversion: prepare, trace, convert, check the structure, find who is to blame."""
