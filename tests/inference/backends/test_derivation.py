"""What a program's terms depend on is what its text says, read by hand; on both backends, whatever plates are called and however long."""

import jax
import numpy as np
import pytest
from scipy import stats

import inference
import mixtures
from inference.backends import engine
from inference.backends.numpyro.sites import compilable
from mixtures import Observations
from mixtures.errors import ModelError

BACKENDS = ("numpyro", "pyro")
WHO = np.array([2, 0, 0, 1, 2, 1, 0])
X = np.random.default_rng(0).normal(size=7)


@pytest.fixture(params=BACKENDS)
def structure_of(request):
    """Program, data -> its structure by one of the backends."""
    return lambda program, x=X: engine(request.param).sites(program, Observations.of(x)).structure


def _priors(ppl, components=2):
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(components)))
    with ppl.plate("components", components):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 3.0))
    return weights, centre


@mixtures.declare
def rows_by_another_name(ppl, x):
    weights, centre = _priors(ppl)
    with ppl.plate("cells", len(x)):
        z = ppl.assign("z", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)


def looked_up(who):
    """A program whose lines look the class of their subject up."""

    @mixtures.declare
    def program(ppl, x):
        weights, centre = _priors(ppl)
        with ppl.plate("subjects", 3):
            z = ppl.assign("z", weights)
        with ppl.plate("lines", len(x)):
            ppl.sample("obs", ppl.dist.Normal(centre[z[who]], 1.0), obs=x)

    return program


@mixtures.declare
def factors(ppl, x):
    """One factor is of the data, one of the parameters."""
    weights, centre = _priors(ppl)
    ppl.factor("near zero", -ppl.xp.sum(centre**2))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("z", weights)
    ppl.factor("of the data", ppl.dist.Normal(centre[z], 1.0).log_prob(x))


@mixtures.declare
def reversed_rows(ppl, x):
    """The plate counts the rows from the end."""
    weights, centre = _priors(ppl)
    with ppl.plate("rows", len(x)):
        z = ppl.assign("z", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=ppl.xp.flip(x, axis=0))


@mixtures.declare
def row_unknowns(ppl, x):
    weights, centre = _priors(ppl)
    with ppl.plate("rows", len(x)):
        z = ppl.assign("z", weights)
        value = ppl.sample("value", ppl.dist.Normal(centre[z], 1.0))
        ppl.sample("obs", ppl.dist.Normal(value, 0.5), obs=x)


@mixtures.declare
def pairs(ppl, x):
    """Every row depends on the assignments of all rows, of which there are too many."""
    weights, centre = _priors(ppl)
    with ppl.plate("rows", len(x)):
        z = ppl.assign("z", weights)
        share = ppl.xp.mean(centre[z])
        ppl.sample("obs", ppl.dist.Normal(share, 1.0), obs=x)


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_rows_are_rows_whatever_their_plate_is_called(structure_of):
    structure = structure_of(rows_by_another_name)
    assert structure.rows == "cells"
    np.testing.assert_array_equal(structure.scopes["obs"][0], np.arange(7))
    assert structure.scopes["centre"] == {} == structure.scopes["weights"]


def test_an_index_that_only_the_data_know_is_read_off_the_density(structure_of):
    structure = structure_of(looked_up(WHO))
    np.testing.assert_array_equal(structure.scopes["obs"][0], WHO)
    np.testing.assert_array_equal(structure.scopes["z"][0], np.arange(3))
    assert structure.rows is None and structure.is_of_units


def test_another_index_is_seen_where_nothing_else_changed(structure_of):
    who, other = WHO.copy(), WHO[::-1].copy()
    program = looked_up(who)
    before = structure_of(program).scopes["obs"][0].copy()
    who[:] = other
    np.testing.assert_array_equal(before, WHO)
    np.testing.assert_array_equal(structure_of(program).scopes["obs"][0], other)


def test_a_factor_is_of_the_data_if_the_data_enter_it(structure_of):
    structure = structure_of(factors)
    assert structure.observed == {"of the data"}
    assert structure.rows is None  # it stands outside the plate: rows cannot be told from the program


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("x", [X[:1], np.full(3, 0.7), np.zeros(2), np.array([-40.0])], ids=str)
def test_a_factor_of_one_row_or_of_equal_rows_is_of_the_data(backend, x):
    weights, centre = np.array([0.3, 0.7]), x[0] + np.array([-1.0, 2.0])
    own, values = engine(backend), {"weights": weights[None], "centre": centre[None]}
    assert own.sites(factors, Observations(x)).structure.observed == {"of the data"}
    likelihood = own.bind(factors, Observations(x)).log_likelihoods(values)
    expected = np.log(stats.norm.pdf(x[:, None], centre, 1.0) @ weights).sum()
    np.testing.assert_allclose(likelihood, expected, rtol=1e-10)
    prior = stats.dirichlet([1.0, 1.0]).logpdf(weights) + stats.norm.logpdf(centre, 0.0, 3.0).sum()
    np.testing.assert_allclose(own.bind(factors, Observations(x)).log_priors(values), prior - (centre**2).sum())


def test_rows_in_another_order_are_not_taken_for_those_of_the_data(structure_of):
    assert structure_of(reversed_rows).rows is None


@pytest.mark.quick("pyro", reason="one code serves both backends")
def test_what_rows_do_not_observe_is_latent(structure_of):
    structure = structure_of(row_unknowns)
    assert structure.rows == "rows" and structure.latent == ("value",) and structure.has_prior_in_rows


def test_few_assignments_that_meet_are_summed_one_by_one(structure_of):
    structure = structure_of(pairs)
    assert len(structure.variables) == 7 and set(structure.scopes["obs"]) == set(range(7))


@pytest.mark.parametrize("backend", BACKENDS)
def test_too_many_assignments_that_meet_are_refused(backend):
    with pytest.raises(ModelError, match="depend on several of at once"):
        engine(backend).sites(pairs, Observations(np.zeros(40)))


BETWEEN_TWO = {
    "not together": lambda a, b: -4.0 * (a == b),
    "not both second": lambda a, b: -3.0 * (a * b),
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("between", BETWEEN_TWO.values(), ids=BETWEEN_TWO.keys())
def test_a_term_of_two_assignments_is_not_taken_for_one_of_one_or_none(backend, between):
    """Of all pairs there are some that a few random assignments never see apart, and numbers of which one has the other's bits."""
    pairs = np.array([(9, 1), (1, 9), (36, 53)])

    for i, j in pairs:

        @mixtures.declare
        def program(ppl, x, i=int(i), j=int(j)):
            weights, centre = _priors(ppl)
            with ppl.plate("rows", len(x)):
                z = ppl.assign("z", weights)
                ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)
            ppl.factor("between two", between(z[i], z[j]))

        with pytest.raises(ModelError, match="depend on several of at once"):
            engine(backend).sites(program, Observations(np.linspace(-1.0, 1.0, 60)))


@pytest.mark.quick("*-pyro", "*-groups0-numpyro", reason="one code serves both backends")
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    ("locations", "groups"), [((0.0, 0.0, 0.0), ((0, 1, 2),)), ((0.0, 5.0, 0.0), ((0, 2),)), ((0.0, 1.0, 2.0), ())]
)
def test_components_are_alike_where_the_density_says_so(backend, locations, groups):
    @mixtures.declare
    def program(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(3)))
        centre = ppl.sample("centre", ppl.dist.Normal(ppl.array(np.array(locations)), 2.0).to_event(1))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("z", weights)
            ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)

    sites = engine(backend).sites(program, Observations(X))
    assert sites.exchangeable == groups
    # an axis without a name is that of the components if exchanging along it is what exchanges them
    assert {site.name: site.component_axis for site in sites.parameters} == {
        "weights": 0,
        "centre": 0 if groups else None,
    }


@pytest.mark.quick("pyro", reason="one code serves both backends")
@pytest.mark.parametrize("backend", BACKENDS)
def test_a_square_site_has_one_axis_of_components(backend):
    @mixtures.declare
    def program(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("kinds", 2):
            answers = ppl.sample("answers", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("z", weights)
            ppl.sample("obs", ppl.dist.Bernoulli(answers[z][..., 1]), obs=x)

    sites = engine(backend).sites(program, Observations((X > 0).astype(float)))
    assert {site.name: site.dims for site in sites.parameters}["answers"] == ("components", "answers_dim_1")
    assert sites.exchangeable == ((0, 1),)


@mixtures.declare
def all_known(ppl, x):
    with ppl.plate("rows", len(x)):
        z = ppl.assign("z", ppl.array(np.array([0.3, 0.7])))
        ppl.sample("obs", ppl.dist.Normal(ppl.array(np.array([-1.0, 2.0]))[z], 1.0), obs=x)


@mixtures.declare
def nothing_unknown(ppl, x):
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Normal(0.0, 1.0), obs=x)


VERBS = {
    "fit_map": inference.fit_map,
    "fit_mle": inference.fit_mle,
    "sample_nuts": inference.sample_nuts,
    "sample_smc": inference.sample_smc,
    "fit_vi": inference.fit_vi,
    "fit_laplace": inference.fit_laplace,
}


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("program", [all_known, nothing_unknown])
@pytest.mark.parametrize("verb", VERBS)
def test_a_program_without_a_continuous_unknown_is_refused_in_words(verb, program, backend):
    with pytest.raises(
        ModelError, match=r"program: got no continuous unknown.*expected at least one ppl\.sample without obs"
    ):
        VERBS[verb](program, X, seed=0, backend=backend)


def test_a_compiled_function_runs_the_program_of_today():
    """Two programs of one text; the first has changed when its compiled function is traced again, for more draws, on behalf of the second."""

    def made(scale):
        @mixtures.declare
        def program(ppl, x):
            weights, centre = _priors(ppl)
            with ppl.plate("rows", len(x)):
                z = ppl.assign("z", weights)
                ppl.sample("obs", ppl.dist.Normal(centre[z], scale[0]), obs=x)

        return program

    def likelihood(program, draws):
        parameters = {"weights": np.full((draws, 2), 0.5), "centre": np.zeros((draws, 2))}
        return engine("numpyro").bind(program, Observations(X)).log_likelihoods(parameters)

    first, second = [1.25], [1.25]
    changed, same = made(first), made(second)
    likelihood(changed, 1)
    first[0] = 3.0
    np.testing.assert_allclose(likelihood(same, 2), stats.norm.logpdf(X, 0.0, 1.25).sum(), rtol=1e-12)
    np.testing.assert_allclose(likelihood(changed, 3), stats.norm.logpdf(X, 0.0, 3.0).sum(), rtol=1e-12)


def test_a_trace_has_the_same_key_again_and_another_one_where_a_number_changed():
    scale = [1.0]

    @mixtures.declare
    def program(ppl, x):
        weights, centre = _priors(ppl)
        with ppl.plate("rows", len(x)):
            z = ppl.assign("z", weights)
            ppl.sample("obs", ppl.dist.StudentT(4.0, centre[z], scale[0]), obs=x)

    def key():
        with jax.enable_x64(True):
            return compilable(program, Observations(X))[0].key

    first = key()
    assert key() == first
    scale[0] = np.nextafter(1.0, 2.0)
    assert key() != first
