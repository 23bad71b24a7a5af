"""Our numbers are those that others published: to their last digit, as near as their programs came to a maximum, or by Monte Carlo errors."""

import pytest

from tests.published.record import RECORD

NUMBERS = [
    pytest.param(name, quantity, marks=[pytest.mark.slow, pytest.mark.statistical] if case.is_slow else [])
    for name, case in RECORD.items()
    for quantity in case.published
]


@pytest.mark.quick(but=["betablocker-*", "areturns-*"], reason="what test_groups finds too, and the longest series")
@pytest.mark.parametrize(("name", "quantity"), NUMBERS)
def test_the_published_record(name, quantity, record_property):
    case = RECORD[name]
    found = case.deviation(quantity)
    published, _, error = case.published[quantity].partition(" +- ")
    record_property(
        "The published record",
        {
            "source": case.source,
            "data": case.data,
            "model": case.model,
            "what": quantity,
            "published": f"{published} ± {error}" if error else published,
            "ours": f"{found.ours.value:.8g} ± {found.ours.error:.1g}"
            if found.ours.error
            else f"{found.ours.value:.8g}",
            "ours - published": f"{found.off:.1g}",
            "may be": f"{-found.below:.2g} to {found.above:.2g}",
        },
    )
    assert found.is_allowed, found
