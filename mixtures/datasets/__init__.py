"""Small classic data sets, with their sources."""

import csv
from importlib import resources

import numpy as np

from mixtures.checks import check_choice
from mixtures.observations import Observations

SOURCES = {
    "earthquakes": "Earthquakes in the world of magnitude 7 and more, a number for each year from 1900 to 2006. US Geological Survey; "
    "Zucchini, MacDonald & Langrock (2016), Hidden Markov Models for Time Series, table 1.1.",
    "faithful": "Old Faithful: length of and waiting time to the next eruption, minutes. Azzalini & Bowman (1990), Applied Statistics 39; "
    "R package datasets.",
    "galaxies": "Velocities of 82 galaxies in the Corona Borealis region, km/s; the 78th is 26690, as in the original. Postman, Huchra & "
    "Geller (1986), Astronomical Journal 92; Roeder (1990), JASA 85; R package MASS.",
    "gnp": "Growth of the real gross national product of the United States, percent a quarter, 1951:2 to 1984:4. Hamilton (1989), Econometrica "
    "57; the tests of Python's statsmodels.",
    "iris": "Fisher's irises, cm: 50 setosa, then 50 versicolor, then 50 virginica. Fisher (1936), Annals of Eugenics 7; R package "
    "datasets.",
}
"""What each data set is, and where it comes from."""


def load_dataset(name: str) -> Observations:
    """A classic data set: `earthquakes` (107,), `faithful` (272 x 2), `galaxies` (82,), `gnp` (135,)
    or `iris` (150 x 4).

    Args:
        name: see `mixtures.datasets.SOURCES` for what they are.

    Returns:
        Observations, with the columns' names.

    Raises:
        ChoiceError: no such data set.

    Example:
        >>> load_dataset("faithful").feature_names
        ('eruptions', 'waiting')
    """
    check_choice("data set", name, SOURCES)
    text = (resources.files(__package__) / f"{name}.csv").read_text(encoding="utf-8")
    header, *rows = csv.reader(text.splitlines())
    return Observations(np.asarray(rows, dtype=float), feature_names=tuple(header))
