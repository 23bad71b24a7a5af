"""A declaration can be compared, hashed, printed, saved, and run natively in both libraries."""

import numpy as np
import pytest

import mixtures
from mixtures import Mixture, families, gaussian_mixture, priors, specification, weights
from mixtures.errors import ChoiceError, MixturesError, ModelError, SeedError


@pytest.mark.parametrize("components", [0, -1, 2.0, "2", True, None])
def test_components_must_be_a_positive_int(components):
    with pytest.raises(ModelError, match=r"components: got .* expected an int >= 1"):
        gaussian_mixture(components)


def test_unknown_choices_are_listed():
    with pytest.raises(ChoiceError, match="'full', 'tied', 'diag', 'spherical'"):
        gaussian_mixture(2, covariance="round")
    with pytest.raises(ChoiceError, match="'loc', 'scale', 'correlation_cholesky'"):
        gaussian_mixture(2, priors={"mean": priors.Normal()})
    with pytest.raises(ChoiceError, match="'faithful'"):
        mixtures.load_dataset("unfaithful")


def test_a_prior_must_be_one():
    with pytest.raises(ModelError, match=r"priors\.Normal\(0\.0, 10\.0\)"):
        gaussian_mixture(2, priors={"loc": 3.0})
    with pytest.raises(ModelError, match="finite"):
        priors.Normal(0.0, np.inf)
    with pytest.raises(ModelError, match=r"Gamma\(concentration, rate\)"):
        priors.Gamma()


def test_equal_declarations_are_equal_and_hash_alike():
    a = gaussian_mixture(2, priors={"loc": priors.Normal([0.0, 1.0], 2.0)})
    b = gaussian_mixture(2, priors={"loc": priors.Normal(np.array([0.0, 1.0]), 2)})
    assert a == b
    assert hash(a) == hash(b)
    assert a != gaussian_mixture(2)
    assert a.numpyro == b.numpyro


def test_structure_forgets_numbers_and_nothing_else():
    a = gaussian_mixture(2, priors={"loc": priors.Normal(0.0, 1.0)}, weights=weights.Dirichlet(3.0))
    b = gaussian_mixture(2, priors={"loc": priors.Normal(5.0, 9.0)})
    assert a.structure == b.structure
    assert a.structure != gaussian_mixture(3).structure
    assert a.structure != gaussian_mixture(2, priors={"loc": priors.Laplace(0.0, 1.0)}).structure


def test_default_priors_are_scaled_to_the_data_and_printed_as_numbers(faithful):
    model = gaussian_mixture(2).scaled_to(faithful)
    low, high = faithful.x.min(axis=0), faithful.x.max(axis=0)
    loc = dict(model.priors["loc"].parameters)
    np.testing.assert_allclose(loc["loc"], (low + high) / 2)
    np.testing.assert_allclose(loc["scale"], high - low)
    np.testing.assert_allclose(dict(model.priors["scale"].parameters)["loc"], np.log(faithful.x.std(axis=0) / 2))
    assert "Normal([3.35, 69.5], [3.5, 53])" in str(model)
    assert "midrange" not in str(model)
    assert "Normal(midrange(x), range(x))" in str(gaussian_mixture(2))


def test_print_shows_the_statistical_notation(tutorial):
    lines = [line.strip() for line in str(tutorial).splitlines()]
    assert "weights       ~ Dirichlet(0.5)" in lines
    assert "scale         ~ LogNormal(0, 2)" in lines
    assert "loc[k]        ~ Normal(0, 10)" in lines
    assert "assignment[i] ~ Categorical(weights)" in lines
    assert "obs[i]        ~ Normal(loc[assignment[i]], scale)" in lines


@pytest.mark.parametrize("covariance", ["full", "tied", "diag", "spherical"])
def test_a_specification_comes_back_as_the_same_declaration(covariance, faithful):
    model = gaussian_mixture(3, covariance, weights=weights.Dirichlet((1.0, 2.0, 3.0))).scaled_to(faithful)
    assert specification.from_json(specification.to_json(model)) == model


@pytest.mark.parametrize("seed", [-1, 2**32, 1.0, "1", None, True])
def test_bad_seeds_are_refused(seed):
    with pytest.raises(SeedError, match=r"an int in \[0, 2\*\*32\)"):
        mixtures.simulate(gaussian_mixture(2), 3, seed=seed)


@pytest.mark.statistical
def test_simulate_holds_what_is_given_and_follows_it(backend):
    given = {"weights": [0.2, 0.8], "loc": [-1.0, 1.0], "scale": [0.5, 1.5]}
    draws = mixtures.simulate(gaussian_mixture(2), 40_000, seed=3, given=given, backend=backend)
    assert draws["obs"].dtype == np.float64
    for name, value in given.items():
        np.testing.assert_array_equal(draws[name], value)
    z, x = draws["assignment"], draws["obs"]
    assert abs(z.mean() - 0.8) < 5 * np.sqrt(0.16 / 40_000)
    for k in (0, 1):
        part = x[z == k]
        assert abs(part.mean() - given["loc"][k]) < 5 * given["scale"][k] / np.sqrt(len(part))
        assert abs(part.std() / given["scale"][k] - 1) < 5 / np.sqrt(2 * len(part))


def test_simulate_is_reproducible_and_seeds_differ(backend):
    one, again, other = (
        mixtures.simulate(gaussian_mixture(2), (5, 2), seed=s, backend=backend)["obs"] for s in (1, 1, 2)
    )
    np.testing.assert_array_equal(one, again)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"mu": 3.0}, ["given", "'mu'", "'loc'"]),
        ({"loc": [0.0, 1.0, 2.0]}, ["given['loc']", "shape (3,)", "shape (2,)"]),
        ({"scale": [[1.0], [2.0]]}, ["given['scale']", "shape (2, 1)", "shape (2,)"]),
        ({"loc": "a"}, ["given['loc']", "'a'", "numbers"]),
        ([0.0, 1.0], ["given", "{site: value}"]),
    ],
)
def test_simulate_refuses_what_it_cannot_hold(given, words, backend):
    with pytest.raises(MixturesError) as caught:
        mixtures.simulate(gaussian_mixture(2), 5, seed=0, given=given, backend=backend)
    for word in words:
        assert word in str(caught.value)


def test_simulate_takes_one_number_for_all_components(backend):
    draws = mixtures.simulate(gaussian_mixture(2), 5, seed=0, given={"scale": 0.5}, backend=backend)
    assert draws["scale"].tolist() == [0.5, 0.5]


@pytest.mark.parametrize("size", [5.0, 0, -1, [5, 2], "5", None, True, (5, 0), (5, 2, 2), ()])
def test_simulate_refuses_sizes_that_are_none(size):
    with pytest.raises(ModelError, match=r"size: got .* \(rows, features\)"):
        mixtures.simulate(gaussian_mixture(2), size, seed=0)


def test_simulate_wants_a_declaration():
    with pytest.raises(ModelError, match="program: got dict; expected a declaration"):
        mixtures.simulate({}, 5, seed=0)


def test_the_program_runs_natively_in_numpyro(tutorial, five_points):
    import jax
    import jax.numpy as jnp
    import numpyro
    from numpyro.infer import MCMC, NUTS, SVI, Predictive, TraceEnum_ELBO
    from numpyro.infer.autoguide import AutoDelta

    x, key = jnp.asarray(five_points), jax.random.PRNGKey(0)
    mcmc = MCMC(NUTS(tutorial.numpyro), num_warmup=10, num_samples=10, progress_bar=False)
    mcmc.run(key, x)
    assert mcmc.get_samples()["loc"].shape == (10, 2)
    guide = AutoDelta(numpyro.handlers.block(tutorial.numpyro, hide=["assignment"]))
    losses = (
        SVI(tutorial.numpyro, guide, numpyro.optim.Adam(0.1), TraceEnum_ELBO())
        .run(key, 20, x, progress_bar=False)
        .losses
    )
    assert jnp.isfinite(losses).all()
    prior = Predictive(tutorial.numpyro, num_samples=7)(key, None, size=5)
    assert prior["obs"].shape == (7, 5)
    trace = numpyro.handlers.trace(numpyro.handlers.seed(tutorial.numpyro, 0)).get_trace(x)
    assert {"weights", "scale", "loc", "assignment", "obs"} <= set(trace)
    drawn = numpyro.render_model(tutorial.numpyro, (x,)).source
    assert "assignment -> obs" in drawn
    assert "plate_rows" in drawn.replace("cluster_", "plate_")
    relations = numpyro.infer.inspect.get_model_relations(tutorial.numpyro, (x,))
    assert relations["sample_sample"]["obs"] == ["scale", "loc", "assignment"]


def test_the_program_runs_natively_in_pyro(tutorial, five_points):
    import pyro
    import torch
    from pyro import poutine
    from pyro.infer import MCMC, NUTS, SVI, Predictive, TraceEnum_ELBO
    from pyro.infer.autoguide import AutoDelta

    x = torch.tensor(five_points, dtype=torch.float32)
    with pyro.get_param_store().scope(), torch.random.fork_rng():
        torch.manual_seed(0)
        guide = AutoDelta(poutine.block(tutorial.pyro, hide=["assignment"]))
        svi = SVI(tutorial.pyro, guide, pyro.optim.Adam({"lr": 0.1}), TraceEnum_ELBO(max_plate_nesting=1))
        assert np.isfinite([svi.step(x) for _ in range(5)]).all()
        mcmc = MCMC(NUTS(tutorial.pyro), num_samples=3, warmup_steps=3, disable_progbar=True)
        mcmc.run(x)
        assert mcmc.get_samples()["loc"].shape == (3, 2)
        assert Predictive(tutorial.pyro, num_samples=7)(None, size=5)["obs"].shape == (7, 5)
        assert "assignment -> obs" in pyro.render_model(tutorial.pyro, (x,)).source


def test_x_or_size_is_needed():
    from mixtures.ppl import words

    with pytest.raises(ModelError, match="size=n"):
        gaussian_mixture(2)(words("numpyro"))


def test_families_are_data_too():
    assert Mixture(2, families.Gaussian("diag")) == gaussian_mixture(2, "diag")
