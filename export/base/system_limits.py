"""Errors that tell of the machine, not of a model or a file."""

import errno
import os

CODES = (
    *(errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EIO),
    *(errno.EMFILE, errno.ENFILE, errno.ENOMEM),
)


def system_limit(error: BaseException) -> str:
    """What the machine lacks, such as "No space left on device"; empty for any other error.

    Native code and libraries put the system's own words into errors of their own kinds.
    """
    if isinstance(error, MemoryError):
        return os.strerror(errno.ENOMEM)
    texts = (str(each) for each in (error, error.__cause__, error.__context__) if each)
    said = "\n".join(texts)
    return next((words for code in CODES if (words := os.strerror(code)) in said), "")
