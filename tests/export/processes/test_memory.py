import os

import numpy as np

from export.processes.memory import available, resident


def test_what_is_held_is_counted():
    before = resident(os.getpid())
    kept = np.ones(64 << 20, np.uint8)
    assert 60 << 20 < resident(os.getpid()) - before < 80 << 20
    assert kept.size


def test_a_process_that_is_gone_holds_nothing():
    assert resident(2**22 + 1) == 0


def test_what_is_available_is_no_more_than_the_machine_has():
    assert 0 < available() <= os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
