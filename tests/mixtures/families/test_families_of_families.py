"""Every part that a family may have, in every family that is made of others: it is kept under its new name, or the two are refused in words."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from mixtures import Mixture, simulate
from mixtures.errors import DataError, ModelError
from mixtures.families import (
    Binomial,
    Gamma,
    Gaussian,
    Hurdle,
    Multinomial,
    PerComponent,
    Poisson,
    Product,
    Regression,
    SemiContinuous,
    Truncated,
    VonMises,
    WithNoise,
    ZeroInflated,
)
from mixtures.families.members import parts_of
from mixtures.families.parts import nothing


@dataclass(frozen=True)
class Made:
    """A family made of one other, and what it calls a site of it."""

    of: Callable[[Any], Any]
    called: Callable[[str], list[str]]


def same(site: str) -> list[str]:
    return [site]


MADE = {
    "Product": Made(lambda member: Product({"a": member}), lambda site: [f"a_{site}"]),
    "PerComponent": Made(lambda member: PerComponent([member, member]), lambda site: [f"{site}_0", f"{site}_1"]),
    "WithNoise": Made(lambda member: WithNoise(member, -9.0, 9.0), same),
    "Truncated": Made(lambda member: Truncated(member, low=-1.0), same),
    "ZeroInflated": Made(ZeroInflated, same),
    "Hurdle": Made(Hurdle, same),
    "SemiContinuous": Made(SemiContinuous, same),
}
MEMBERS = {
    "directions": VonMises(),
    "a line": Regression(),
    "a line of counts": Regression("poisson"),
    "trials": Binomial(),
    "exposure": Poisson(),
    "errors": Gaussian(),
    "relative volumes": Gaussian("VEI"),
    "a value by itself": SemiContinuous(Gamma()),
    "zeros": ZeroInflated(Poisson()),
    "bounds": Truncated(Gaussian(), low=0.0),
    "totals": Multinomial(),
    "effects of groups": Regression(random="intercept"),
    "noise": WithNoise(Gaussian(), -9.0, 9.0),
    "members": PerComponent([Gaussian(), Gaussian()]),
    "columns": Product({"b": Gaussian()}),
}

CANNOT_BE = {
    # neither directions nor counts with a total have a distribution function, nor cells that depend on others
    **{kind: {"directions", "totals", "effects of groups", "columns"} for kind in MADE},
    "Product": {"totals", "columns"},
    "PerComponent": {"noise", "members", "columns"},
    "WithNoise": {"a value by itself", "totals", "noise", "members", "columns"},
}
CANNOT_BE["Truncated"] |= {"a value by itself", "bounds"}
MEASUREMENTS = {"a line", "errors", "relative volumes", "bounds", "noise", "members"}
COUNTS = {"a line of counts", "trials", "exposure"}
for name, others in (("ZeroInflated", MEASUREMENTS), ("Hurdle", MEASUREMENTS), ("SemiContinuous", COUNTS)):
    CANNOT_BE[name] = CANNOT_BE[name] | others | {"a value by itself", "zeros"}  # one gate is enough

REFUSED = [(kind, member) for kind in MADE for member in MEMBERS if member in CANNOT_BE[kind]]
TAKEN = [(kind, member) for kind in MADE for member in MEMBERS if member not in CANNOT_BE[kind]]


@pytest.mark.parametrize(("kind", "member"), REFUSED)
def test_a_family_that_cannot_be_a_member_is_refused_in_words(kind, member):
    with pytest.raises(ModelError, match=r": got .*; expected "):
        MADE[kind].of(MEMBERS[member])


@pytest.mark.parametrize(("kind", "member"), TAKEN)
def test_what_a_member_says_of_its_sites_and_rows_is_kept(kind, member):
    made, own, found = MADE[kind], parts_of(MEMBERS[member]), parts_of(MADE[kind].of(MEMBERS[member]))
    assert found.circular_sites == {name for site in own.circular_sites for name in made.called(site)}
    lines = {(line[0], line[1]) for line in own.linear_predictors}
    renamed = {pair for one, other in lines for pair in zip(made.called(one), made.called(other), strict=True)}
    assert {(line[0], line[1]) for line in found.linear_predictors} == renamed
    scales = {name for one in own.effects for name in made.called(one.intercept)}
    assert {one.intercept for one in found.effects} == scales
    for part in ("needs_covariates", "takes", "needs", "totals", "ties_groups"):
        assert getattr(found, part) == getattr(own, part), part
    assert own.distinct_components <= found.distinct_components
    if kind != "PerComponent":  # of which none is like the others anyway
        assert own.components in (None, found.components)


def test_relative_volumes_are_drawn_where_there_are_components_to_be_relative_to():
    """Of a single column, or component, there are none."""
    for kind in ("WithNoise", "Truncated", "SemiContinuous"):
        assert parts_of(MADE[kind].of(MEMBERS["relative volumes"])).jointly is not nothing


@pytest.mark.parametrize("family", [Multinomial(), PerComponent([Multinomial(), Multinomial()])])
def test_rows_that_add_up_to_what_nobody_said_are_not_drawn(family):
    probs = np.array([[0.2, 0.3, 0.5], [0.5, 0.3, 0.2]])
    values = {"probs": probs} if isinstance(family, Multinomial) else {"probs_0": probs[0], "probs_1": probs[1]}
    given = {"weights": [0.4, 0.6], **values}
    with pytest.raises(DataError, match="trials: got none; expected how much each row adds up to"):
        simulate(Mixture(2, family), (4, 3), seed=0, given=given)
    totals = np.array([5.0, 6.0, 7.0, 0.0])
    drawn = simulate(Mixture(2, family), (4, 3), seed=0, given=given, trials=totals)["obs"]
    np.testing.assert_array_equal(drawn.sum(axis=1), totals)
