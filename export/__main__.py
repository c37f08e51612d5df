"""`python -m export` is `fleras`."""

from export.cli.main import main

if __name__ == "__main__":
    main()
