"""Each way in which draws can mislead is found, named, and said with a remedy; sound draws pass in silence.

The trees are made by hand: independent draws, spoilt in one way at a time.
"""

import numpy as np
import pytest
import xarray as xr

import inference
from inference.backends import bind
from inference.posterior.tree import build_tree
from inference.posterior.warnings import raise_if_unsound
from inference.samplers.protocol import Draws
from mixtures import Mixture, Observations, families
from mixtures.assignments import StickBreaking
from mixtures.errors import FitError

CHAINS, DRAWS, FREE = 4, 500, 4


@pytest.fixture
def sound() -> xr.DataTree:
    """Independent draws of two components, labels of every draw exchanged at random."""
    rng = np.random.default_rng(0)
    shape = (CHAINS, DRAWS)
    first = rng.beta(30, 20, shape)
    weights = np.stack([first, 1 - first], axis=2)
    flip = rng.random(shape) < 0.5
    weights[flip] = weights[flip][:, ::-1]
    stats = {
        "log_posterior": -100.0 - rng.chisquare(FREE, shape) / 2,
        "diverging": np.zeros(shape, dtype=bool),
        "energy": rng.normal(size=shape),
        "tree_depth": np.full(shape, 3),
    }
    coords = {"chain": np.arange(CHAINS), "draw": np.arange(DRAWS)}
    variables = {name: (("chain", "draw"), values) for name, values in stats.items()}
    pointwise = {"obs": (("chain", "draw", "rows"), rng.normal(-2, 1, (*shape, 9)))}
    tree = xr.DataTree.from_dict(
        {
            "posterior": xr.Dataset({"weights": (("chain", "draw", "components"), weights)}, coords=coords),
            "sample_stats": xr.Dataset(variables, coords=coords),
            "observed_data": xr.Dataset({"obs": (("rows",), np.arange(9.0))}),
            "log_likelihood": xr.Dataset(pointwise, coords=coords),
        }
    )
    tree.attrs.update(free_parameters=FREE, init_log_posterior=-100.0, complete=1)
    return tree


def names(tree: xr.DataTree) -> list[str]:
    return [warning.name for warning in inference.check_posterior(tree).warnings]


def test_sound_draws_pass_though_labels_switch(sound):
    assert inference.check_posterior(sound).is_sound
    raise_if_unsound(sound)


def test_divergences(sound):
    sound["sample_stats"]["diverging"].values[2, 5] = True
    report = inference.check_posterior(sound)
    assert [warning.name for warning in report.warnings] == ["divergences"]
    assert "1 of 2000 draws" in str(report) and "target_accept" in str(report)


def test_slow_energy(sound):
    walk = np.cumsum(np.random.default_rng(1).normal(size=DRAWS))
    sound["sample_stats"]["energy"].values[1] = walk
    assert names(sound) == ["energy"]
    assert "chain 1" in str(inference.check_posterior(sound))


def test_tree_depth(sound):
    sound["sample_stats"]["tree_depth"].values[0, :7] = 10
    assert names(sound) == ["tree depth"]
    assert "7 of 2000" in str(inference.check_posterior(sound))


def test_a_chain_in_a_minor_mode(sound):
    sound["sample_stats"]["log_posterior"].values[3] -= 20.0
    assert names(sound)[:2] == ["minor mode", "r-hat"]
    assert "chain 3 " in str(inference.check_posterior(sound))
    assert "fewer components" not in str(inference.check_posterior(sound))


def test_all_chains_in_a_minor_mode_are_found_by_the_fit_they_started_from(sound):
    sound.attrs["init_log_posterior"] = -80.0
    assert names(sound) == ["minor mode"]
    assert "chains 0, 1, 2, 3" in str(inference.check_posterior(sound))
    assert "fewer components" in str(inference.check_posterior(sound))


def test_chains_that_disagree_where_labels_do_not_matter(sound):
    sound["log_likelihood"]["obs"].values[0] += 1.0
    assert names(sound)[0] == "r-hat"


def test_chains_that_never_move(sound):
    sound["log_likelihood"]["obs"].values[...] = np.arange(CHAINS)[:, None, None]
    assert "r-hat" in names(sound)


def test_few_effective_draws(sound):
    weights = sound["posterior"]["weights"].values
    weights[...] = np.repeat(np.sort(weights[:, ::50], axis=2), 50, axis=1)
    assert "effective draws" in names(sound)


def test_a_run_cut_short(sound):
    sound.attrs["complete"] = 0
    assert names(sound) == ["incomplete"]


def test_strict_raises_and_keeps_the_draws(sound):
    sound["sample_stats"]["diverging"].values[0, 0] = True
    with pytest.raises(FitError, match="divergences: 1 of 2000") as caught:
        raise_if_unsound(sound)
    assert caught.value.posterior is sound


def test_strict_sampling(tutorial):
    with pytest.raises(FitError, match="effective draws") as caught:
        inference.sample_nuts(
            tutorial, np.arange(5.0), draws=10, tune=20, chains=2, seed=0, progress=False, strict=True
        )
    assert caught.value.posterior["posterior"].sizes["draw"] == 10


def test_draws_that_are_no_numbers(sound):
    sound["posterior"]["weights"].values[1, 7] = np.nan
    assert names(sound)[0] == "not a number"
    assert "1 of 2000 draws" in str(inference.check_posterior(sound))


@pytest.mark.parametrize(
    ("k_hat", "effective", "words"),
    [
        (1.05, 300.0, "k-hat is 1.05"),
        (np.nan, 300.0, "cannot be computed"),
        (np.inf, 1999.0, "cannot be computed"),
        (0.2, 12.0, "only 12 of 2000 draws"),
        (0.2, 300.0, "not come to rest"),
        (1.05, 1999.0, "not come to rest"),
        (-np.inf, 2000.0, "not come to rest"),
    ],
)
def test_an_approximation_that_is_not_to_be_trusted(sound, k_hat, effective, words):
    sound.attrs.update(k_hat=k_hat, effective_draws=effective, is_trustworthy=0)
    assert names(sound) == ["approximation"]
    assert words in str(inference.check_posterior(sound))


def test_runs_of_tempered_smc_that_disagree(sound):
    evidence = np.array([-10.0, -10.2, -9.9, -10.1])
    sound["evidence"] = xr.DataTree(xr.Dataset({"log_evidence": (("chain",), evidence)}))
    assert names(sound) == []
    sound["evidence"]["log_evidence"].values[2] = -5.0
    assert names(sound) == ["evidence"]


@pytest.mark.parametrize(
    ("concentration", "words"), [(1.0, None), (20.0, "beyond the mixture's 12 would have up to 58.")]
)
def test_a_process_that_is_cut_off_is_said_whatever_the_sampler(concentration, words):
    """What is left of a stick broken eleven times, v ~ Beta(1, a), is (a / (1 + a))^11 on average: 0.0005 and 0.585."""
    rng, shape, law = np.random.default_rng(0), (CHAINS, DRAWS), StickBreaking(concentration)
    bound = bind(Mixture(12, families.Poisson(), law), Observations(np.arange(5.0)), "numpyro")
    made = {"sticks": rng.beta(1.0, concentration, (*shape, 11)), "rate": rng.gamma(2.0, size=(*shape, 12))}
    tree = build_tree(bound, Draws(made, {"lp": np.zeros(shape)}), {}, pointwise=False, has_prior=False)
    said = [warning.found for warning in inference.check_posterior(tree).warnings if warning.name == "room"]
    assert len(said) == (words is not None)
    assert all(words in one for one in said)
