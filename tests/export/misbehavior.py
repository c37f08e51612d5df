"""Functions for the child process to fail in."""

import os
import signal
import sys
import time

import numpy as np

from export.base.errors import InputError


def bad_value():
    int("x")


def own_error():
    raise InputError("own error; do something")


def segfault():
    os.kill(os.getpid(), signal.SIGSEGV)


def fine():
    return 3


def hoard():
    kept = []
    for _ in range(40):
        kept.append(np.ones(2**25))
        time.sleep(0.02)


def chatty():
    os.write(1, b"noise\n")
    print("noise")
    return "done"


KEPT = []


def keep():
    KEPT.append(np.ones(2**26))


def doze():
    time.sleep(0.3)
    return "rested"


def nap():
    time.sleep(60)


def spin(path):
    with open(path, "w") as file:
        print(os.getpid(), file=file)
    while True:
        pass


def blocked():
    return sys.modules.get("fcntl", "absent") is None


def confined(scratch):
    with open(os.path.join(scratch, "own"), "w") as file:
        file.write("fine")
    with open(os.path.join(scratch, "own")) as file:
        return file.read()
