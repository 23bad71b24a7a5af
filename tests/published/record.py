"""The published record: numbers that other programs and papers printed, beside ours. `test_record.py` holds us to it."""

from tests.published.factors import FACTORS
from tests.published.growth import GROWTH
from tests.published.maxima import MAXIMA
from tests.published.posteriors import POSTERIORS

RECORD = MAXIMA | FACTORS | GROWTH | POSTERIORS
"""By name."""
