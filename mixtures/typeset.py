"""A declaration in statistical notation, as a notebook shows it: indices below the line."""

import re
from html import escape

STATEMENT = re.compile(r"^    (\S.*?) ~")
"""What is drawn, in a line of its own; in front of the sign all lines of a declaration have the same room."""

INDEXED = re.compile(r"\b([A-Za-z_]\w*)\[([^\[\]]+)\]")


def typeset(text: str) -> str:
    """Notation as HTML.

    Args:
        text: what `print(model)` shows.

    Example:
        >>> typeset("loc[k] ~ Normal(0, 1)")
        '<pre><i>loc</i><sub>k</sub> ~ Normal(0, 1)</pre>'
    """
    lines = [STATEMENT.sub(_apart, line) for line in escape(text).splitlines()]
    written, found = "\n".join(lines), 1
    while found:  # from the inside: loc[assignment[i]]
        written, found = INDEXED.subn(r"<i>\1</i><sub>\2</sub>", written)
    return f"<pre>{written}</pre>"


def _apart(found: re.Match[str]) -> str:
    """A statement whose left side keeps the room that it has as text: indices below the line take less."""
    name = found[1]
    return f'    <span style="display:inline-block;min-width:{len(name)}ch">{name.rstrip()}</span> ~'
