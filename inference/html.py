"""Pieces of HTML, for notebooks and reports: text is escaped, numbers have four digits."""

from collections.abc import Iterable
from html import escape
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

DIGITS = 4


def paragraphs(lines: Iterable[str]) -> str:
    """Each line a paragraph.

    Example:
        >>> paragraphs(["R-hat < 1.01"])
        '<p>R-hat &lt; 1.01</p>'
    """
    return "".join(f"<p>{escape(line)}</p>" for line in lines)


def preformatted(text: str) -> str:
    """Text whose columns stand below each other."""
    return f"<pre>{escape(text)}</pre>"


def table(frame: "pd.DataFrame", lines: str = "parameter") -> str:
    """A frame as a table: a dash where there is no number.

    Args:
        frame: numbers and texts.
        lines: what its index is, for the heading above it; an empty text leaves the index out.
    """
    shown = frame.rename_axis(index=None, columns=lines or None)
    return shown.to_html(float_format=lambda value: f"{value:.{DIGITS}g}", na_rep="-", border=0, index=bool(lines))


class InNotebooks:
    """A result that is known in a list by its first line, and shown in a notebook as it is printed."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__}: {str(self).splitlines()[0].rstrip(':')}>"

    def _repr_html_(self) -> str:
        return preformatted(str(self))
