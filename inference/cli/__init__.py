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
    import click

    from inference.cli.app import app

    given = list(sys.argv[1:] if argv is None else argv)
    is_debugged = "--debug" in given
    try:
        code = app(given, standalone_mode=False, obj={"keep": keep}, prog_name="mixtures")
        return code if isinstance(code, int) else DONE
    except click.exceptions.Exit as stop:
        return int(stop.exit_code)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        print("mixtures: interrupted", file=sys.stderr)
        return INTERRUPTED
    except Exception as error:
        from mixtures.errors import MixturesError

        if is_debugged or not isinstance(error, MixturesError | OSError):
            raise
        print(f"mixtures: error: {error}", file=sys.stderr)
        return FAILED
