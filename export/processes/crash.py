"""What to tell of a worker process that ended by itself."""

import re
import signal

from export.base.error_text import sentence

INFORMATION = re.compile(r"[IW]\d{4} |INFO|WARNING")
REASON = re.compile("abort|check|error|exception|fail|terminate", re.IGNORECASE)


def crash_message(what: str, code: int, log: str, started: bool) -> str:
    """One line for the user.

    Args:
        what: was being done.
        code: with which it ended; negative for a signal.
        log: what it wrote.
        started: False when it never got as far as to take a request.
    """
    how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
    reasons = [line for line in log.splitlines() if _is_reason(line)]
    last = f": {sentence(reasons[-1])}" if reasons else ""
    if started:
        return (
            f"{what} crashed ({how}){last}; simplify the model or use another precision or format"
        )
    return (
        f"the worker process did not start ({how}){last}; "
        "this has nothing to do with the model, see fleras doctor"
    )


def _is_reason(line: str) -> bool:
    """Libraries write of rounding errors, and of themselves, whatever happens."""
    return bool(REASON.search(line)) and not INFORMATION.match(line)
