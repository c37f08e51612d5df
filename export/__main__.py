"""`python -m export`, and the command `fleras`."""

import sys


def main() -> None:
    """Runs the command line; what keeps that from being imported is one line and exit code 2."""
    try:
        from export.cli.main import main as run
    except KeyboardInterrupt:
        sys.exit(130)
    except (ImportError, OSError, MemoryError) as error:
        reason = f"{type(error).__name__}: {error}".strip(": ")
        if sys.stderr is not None:
            print(f"error: fleras can't start ({reason}); install it again", file=sys.stderr)
        sys.exit(2)
    run()


if __name__ == "__main__":
    main()
