"""The command `mixtures`. Nothing heavy is imported until a command is known and its arguments can be read."""

import sys
from collections.abc import Sequence

DONE, FAILED, MISUSED, UNSOUND, INTERRUPTED = 0, 1, 2, 3, 130


class MisuseError(Exception):
    """Arguments that cannot be, whatever the data; its text says why."""


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
    try:
        return _run(list(sys.argv[1:] if argv is None else argv), keep)
    except KeyboardInterrupt:  # while the command itself was being imported
        print("mixtures: interrupted", file=sys.stderr)
        return INTERRUPTED


def _run(arguments: list[str], keep: bool) -> int:
    import typer

    from inference.cli.app import app

    usage_error = typer.BadParameter.__base__  # of the argument parser that typer brings, which it does not name
    try:
        return app(arguments, obj={"keep": keep}, prog_name="mixtures", standalone_mode=False) or DONE
    except usage_error as misuse:  # type: ignore[misc]
        message = " ".join(misuse.format_message().split())
        if message:  # without arguments the help is shown, and nothing to add
            command = misuse.ctx.command_path if misuse.ctx else "mixtures"
            typer.echo(f"mixtures: error: {message.rstrip('.')}. See {command} --help.", err=True)
        return MISUSED
