"""The one logger of all three packages: functions print nothing, who wants to listens here."""

import logging

LOG = logging.getLogger("fleras")
LOG.addHandler(logging.NullHandler())
