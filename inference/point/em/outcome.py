"""How EM leaves a restart."""

from enum import IntEnum


class Outcome(IntEnum):
    """How EM left a restart."""

    RUNNING = 0
    AT_REST = 1
    OUT_OF_STEPS = 2
    BROKEN = 3
