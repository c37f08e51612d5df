from fold import *  # noqa: F403
