"""Our numbers are those that others published, to their last digit or within Monte Carlo errors."""

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
    ours, off, allowed = case.deviation(quantity)
    published, _, error = case.published[quantity].partition(" +- ")
    record_property(
        "The published record",
        {
            "source": case.source,
            "data": case.data,
            "model": case.model,
            "what": quantity,
            "published": f"{published} ± {error}" if error else published,
            "ours": f"{ours.value:.8g} ± {ours.error:.1g}" if ours.error else f"{ours.value:.8g}",
            "more": "a higher optimum" if quantity in case.lower_optimum else "",
        },
    )
    if quantity in case.lower_optimum:
        assert off > allowed
    else:
        assert abs(off) <= allowed, (ours, case.published[quantity])
