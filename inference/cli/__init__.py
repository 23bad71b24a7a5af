"""The command `mixtures`. Nothing heavy is imported until a command is known and its arguments are found to be good."""

import sys
from collections.abc import Sequence

DONE, FAILED, MISUSED, UNSOUND, INTERRUPTED = 0, 1, 2, 3, 130


def command() -> int:
    """The process of the command: `main`, with what is compiled kept for the next one."""
    return main(keep=True)


def main(argv: Sequence[str] | None = None, keep: bool = False) -> int:
    """Run the command.

    Args:
        argv: its arguments; None takes the process's.
        keep: whether what is compiled is kept in the user's cache folder.

    Returns:
        The exit code: 0 done, 1 bad data or a result that could not be had, 2 bad use, 3 done but not sound, 130 interrupted.
    """
    from inference.cli.app import app

    try:
        app(list(sys.argv[1:] if argv is None else argv), obj={"keep": keep}, prog_name="mixtures")
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else DONE if stop.code is None else FAILED
    return DONE
