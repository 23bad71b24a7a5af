"""A declaration in statistical notation, as a notebook shows it: indices below the line."""

import re
from html import escape

INDEXED = re.compile(r"\b([A-Za-z_]\w*)\[([^\[\]]+)\]")


def typeset(text: str) -> str:
    """Notation as HTML.

    Args:
        text: what `print(model)` shows.

    Example:
        >>> typeset("loc[k] ~ Normal(0, 1)")
        '<pre><i>loc</i><sub>k</sub> ~ Normal(0, 1)</pre>'
    """
    written, found = escape(text), 1
    while found:  # from the inside: loc[assignment[i]]
        written, found = INDEXED.subn(r"<i>\1</i><sub>\2</sub>", written)
    return f"<pre>{written}</pre>"
