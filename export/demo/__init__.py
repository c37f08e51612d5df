"""The demo: a small network learns handwritten digits, is exported, and every file reads some."""
