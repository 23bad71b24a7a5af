"""What a person tries first: a verb without a seed, a table of restarts sorted, data like those of a fit."""

import numpy as np
import pytest

import inference
import mixtures
from inference.status import Status
from mixtures.errors import SeedError
from mixtures.typeset import typeset


def test_a_seed_that_is_missing_is_asked_for_in_a_sentence():
    x, model = [0.0, 1.0, 4.0, 5.0, 5.5], mixtures.gaussian_mixture(2)
    fit = inference.fit_em(model, x, restarts=1, seed=0)
    verbs = [
        inference.fit_map,
        inference.fit_em,
        inference.fit_mle,
        inference.sample_nuts,
        inference.sample_smc,
        inference.sample_telescope,
        inference.fit_vi,
    ]
    calls = [lambda verb=verb: verb(model, x) for verb in (*verbs, inference.fit_laplace)]
    calls += [
        lambda: inference.select_components(x, [1, 2]),
        lambda: inference.fit_guide(fit, x),
        lambda: mixtures.simulate(model, 3),
    ]
    for call in calls:
        with pytest.raises(SeedError, match=r"seed: got none; expected an int .*Pass seed=0"):
            call()


def test_restarts_are_grouped_and_sorted_by_how_they_ended():
    fit = inference.fit_em(mixtures.gaussian_mixture(2), [0.0, 1.0, 4.0, 5.0, 5.5], restarts=3, seed=0)
    table = fit.restarts.assign(status=[Status.EMPTY, Status.CONVERGED, Status.EMPTY])
    assert table.groupby("status").size().to_dict() == {Status.CONVERGED: 1, Status.EMPTY: 2}
    assert table.sort_values("status")["status"].iloc[0] is Status.CONVERGED and max(Status) is Status.NOT_FINITE


def test_data_like_those_of_a_fit_are_drawn_from_it():
    fit = inference.fit_em(mixtures.gaussian_mixture(2), [0.0, 1.0, 4.0, 5.0, 5.5], restarts=1, seed=0)
    drawn = mixtures.simulate(fit, 20, seed=3)
    again = mixtures.simulate(fit.program, 20, seed=3, given=fit.parameters)
    assert np.array_equal(drawn["obs"], again["obs"])
    assert mixtures.simulate(fit, 5, seed=3, given={"loc": [7.0, 9.0]})["loc"].tolist() == [7.0, 9.0]


def test_notation_keeps_its_lines_below_each_other():
    """Whatever stands before the signs has the room of the longest."""
    text = str(mixtures.gaussian_mixture(2))
    widths = {line.index(" ~ ") - 4 for line in text.splitlines() if " ~ " in line}
    (width,) = widths
    assert typeset(text).count(f'<span style="display:inline-block;min-width:{width}ch">') == text.count(" ~ ")
