"""Colours: one for each component, the same in every picture.

Okabe & Ito (2008), "Color Universal Design": told apart with any common colour vision. Their yellow comes last because it is faint on
white; black is kept for what belongs to no component, grey for the data, and for noise.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from inference.checks import check_count

COMPONENTS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#F0E442")
"""Blue, vermilion, green, purple, orange, sky blue, yellow."""

MARKERS = ("o", "^", "s", "D", "v", "P", "X")
"""One for each colour, so that components differ in print too."""

WHOLE = "#000000"
"""The mixture, all components together."""

DATA = "#6E6E6E"
"""The data, and draws whose component is not shown."""

NOISE = "#8A8A8A"
"""The component that is background noise."""

DENSITY = "Blues"
"""The colour map of a density: white is zero."""


@dataclass(frozen=True)
class Look:
    """What one component looks like in every picture.

    Args:
        colour: its colour.
        marker: its marker.
        label: what a legend calls it.
    """

    colour: str
    marker: str
    label: str


def looks(components: int, noise: Collection[int] = (), names: Sequence[object] = ()) -> list[Look]:
    """The looks of so many components, those among `noise` in grey, under their names where they have some.

    Example:
        >>> [look.label for look in looks(2, noise={0})]
        ['component 0 (noise)', 'component 1']
        >>> [look.label for look in looks(2, names=["short", "long"])]
        ['short', 'long']
    """
    called = [names[k] if k < len(names) and isinstance(names[k], str) else f"component {k}" for k in range(components)]
    return [
        Look(NOISE, "x", f"{label} (noise)") if k in noise else Look(colour(k), marker(k), label)
        for k, label in enumerate(map(str, called))
    ]


def colour(component: int) -> str:
    """The colour of a component; from the eighth on they repeat.

    Example:
        >>> colour(0)
        '#0072B2'
    """
    return COMPONENTS[check_count("component", component, least=0) % len(COMPONENTS)]


def marker(component: int) -> str:
    """The marker of a component. After seven colours it moves on by one, so that no pair repeats before the fiftieth."""
    turn, place = divmod(component, len(COMPONENTS))
    return MARKERS[(place + turn) % len(MARKERS)]
