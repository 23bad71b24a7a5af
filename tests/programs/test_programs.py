"""Programs of many shapes are answered right, or refused in words before any work: densities, fits, draws, labels.

The oracle is a sum over all joint values of all assignments, which knows nothing of a program's structure; see `tests.programs.case`.
"""

import functools
import itertools
import math
import signal
import time
import warnings

import numpy as np
import pytest
import xarray as xr

import inference
from inference.backends import engine
from mixtures import Observations
from mixtures.errors import MixturesError
from tests.programs import scope
from tests.programs.case import Case, Parameters
from tests.programs.registry import CASES

EXACT = 1e-8
"""Of log densities in float64, relative to 1 + |right|."""

WORDS_OF_A_SENTENCE = 6
REFUSED_WITHIN = 10.0
"""Seconds: a million draws take longer than that."""

DRAWS = 6


def of(cases, **marks):
    """The cases as a test's arguments."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=str(case), **marks) for case in cases])


SAMPLED = [case for case in CASES if case.samples]
LABELLED = [case for case in SAMPLED if case.labels is not None]


def check_refusal(refusal: MixturesError, may_refuse: bool) -> None:
    assert len(str(refusal).split()) >= WORDS_OF_A_SENTENCE, f"not a sentence: {refusal}"
    assert may_refuse, f"refused: {refusal}"


def answered(ask, may_refuse: bool):
    """What is answered, or None where it is refused in words and may be."""
    try:
        return ask()
    except MixturesError as refusal:
        check_refusal(refusal, may_refuse)
        return None


def assert_near(got, right, what=""):
    np.testing.assert_allclose(got, right, rtol=EXACT, atol=EXACT, err_msg=what)


def stacked(draws: list[Parameters]) -> Parameters:
    return {name: np.stack([np.asarray(draw[name], float) for draw in draws]) for name in draws[0]}


def each_draw(tree: xr.DataTree) -> list[Parameters]:
    """A posterior's draws, one by one, chains after one another."""
    flat = {
        str(name): value.values.reshape(-1, *value.shape[2:]) for name, value in tree["posterior"].data_vars.items()
    }
    return [{name: value[t] for name, value in flat.items()} for t in range(len(next(iter(flat.values()))))]


# ------------------------------------------------------------------------------------------------------------ the oracle


@of(CASES)
def test_the_sum_over_all_assignments_is_the_density_by_hand(case):
    rng = np.random.default_rng(1)
    for _ in range(2):
        parameters = case.draw(rng)
        np.testing.assert_allclose(case.densities(parameters), case.exhausted(parameters)[:2], rtol=1e-10, atol=1e-10)


# ------------------------------------------------------------------------------------------------------------- densities


@pytest.mark.quick(
    "pyro-*",
    "numpyro-[a-k]*",
    but=["numpyro-beta_binomial", "numpyro-items*"],
    reason="structure is derived by one code",
)
@of([case for case in CASES if not case.may_refuse])
def test_log_prior_and_log_likelihood_at_draws_from_the_prior(case, backend):
    rng = np.random.default_rng(2)
    points = [case.draw(rng) for _ in range(3)]
    right = np.array([case.densities(point) for point in points])
    bound = engine(backend).bind(case.program, Observations.of(case.x))
    prior, likelihood = bound.log_priors(stacked(points)), bound.log_likelihoods(stacked(points))
    assert_near(prior + likelihood, right.sum(axis=1), "log posterior")
    if case.splits:
        assert_near(prior, right[:, 0], "log prior")
        assert_near(likelihood, right[:, 1], "log likelihood")


@pytest.mark.quick(
    "pyro-*",
    "numpyro-raters",
    "numpyro-season_and_rows",
    "numpyro-an object",
    "numpyro-kinds_of_schools",
    reason="Pyro fits each, and structure is derived by one code",
)
@of([case for case in CASES if case.fits])
def test_a_fit_says_what_is_right_where_it_is(case, backend):
    fit = answered(
        lambda: inference.fit_map(case.program, case.x, restarts=2, steps=3, seed=0, backend=backend), case.may_refuse
    )
    if fit is None:
        return
    prior, likelihood = case.densities(fit.parameters)
    assert_near(fit.log_posterior, prior + likelihood, "log posterior")
    if case.splits:
        assert_near(fit.log_likelihood, likelihood, "log likelihood")
        rows = answered(lambda: inference.log_likelihood(fit, case.x), case.may_refuse or not case.row)
        if rows is not None:
            assert_near(np.sum(rows), likelihood, "sum of the rows' log likelihoods")
    check_responsibilities(case, lambda: inference.responsibilities(fit, case.x), [fit.parameters])


def check_responsibilities(case: Case, ask, draws: list[Parameters]) -> None:
    """P(assignment | x), averaged over draws; where rows have no assignments of their own it may be refused."""
    got = answered(ask, case.may_refuse or not case.row)
    if got is None or not case.unknown:
        return
    tables = [case.exhausted(draw)[2] for draw in draws]
    right = {name: np.mean([table[name] for table in tables], axis=0) for name in case.unknown}
    assert isinstance(got, dict) or len(right) == 1, f"one table for the assignments {list(right)}"
    by_site = got if isinstance(got, dict) else {next(iter(right)): got}
    assert by_site.keys() == right.keys()
    for name, table in by_site.items():
        if case.row or np.shape(table) == right[name].shape:
            np.testing.assert_allclose(table, right[name], atol=1e-7, err_msg=name)
        np.testing.assert_allclose(np.sum(table, axis=-1), 1.0, atol=1e-7)


# ----------------------------------------------------------------------------------------------------------------- draws


def sample(case: Case, backend="numpyro", **options) -> xr.DataTree:
    settings = {"draws": DRAWS, "tune": DRAWS, "chains": 2, "seed": 3, **options}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # chains so short are warned of
        return inference.sample_nuts(case.program, case.x, backend=backend, progress=False, **settings)


@functools.cache
def sampled(case: Case) -> xr.DataTree | None:
    """A few draws, or None where these are refused, and may be, and at once."""
    tree = answered(lambda: sample(case), case.may_refuse)
    if tree is None:
        assert is_refused_at_once(lambda: sample(case, draws=1_000_000)), "refused after the work was done"
    return tree


def is_refused_at_once(ask) -> bool:
    """Whether something is refused within some seconds; after these it is stopped as by Ctrl-C."""
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, REFUSED_WITHIN)
    begin = time.perf_counter()
    try:
        ask()
    except MixturesError:
        return time.perf_counter() - begin < REFUSED_WITHIN
    except KeyboardInterrupt:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


def check_draws(case: Case, tree: xr.DataTree) -> None:
    right = np.array([case.densities(draw) for draw in each_draw(tree)])
    assert_near(tree["sample_stats"]["log_posterior"].values.ravel(), right.sum(axis=1), "log posterior")
    if case.splits:
        assert_near(tree["log_prior"]["log_prior"].values.ravel(), right[:, 0], "log prior")
        if "log_likelihood" in tree:
            parts = [value.values.reshape(len(right), -1).sum(1) for value in tree["log_likelihood"].data_vars.values()]
            assert_near(sum(parts), right[:, 1], "log likelihood")


@pytest.mark.quick(
    "one_hot",
    "two_cohorts",
    "tallies",
    "hidden_markov",
    "season_and_rows",
    "raters",
    "identical_pair",
    "sum_of_two",
    reason="each kind of structure; all have their density at draws from the prior",
)
@of(SAMPLED)
def test_draws_have_the_density_of_the_program(case):
    tree = sampled(case)
    if tree is not None:
        check_draws(case, tree)


OF_PYRO = ("season_and_rows", "experts", "kinds_of_columns")


@of([case for case in SAMPLED if str(case) in OF_PYRO])
def test_pyros_draws_have_the_density_of_the_program(case):
    check_draws(case, sample(case, "pyro", draws=3, tune=2, chains=1))


@pytest.mark.quick(
    "one_hot",
    "square_weights",
    "weights_of_groups",
    "row_intercepts",
    "experts",
    "levels",
    "known_memberships",
    "vectors_with_dims",
    reason="each kind of structure",
)
@of([case for case in SAMPLED if case.row])
def test_responsibilities_are_averaged_over_the_draws(case):
    tree = sampled(case)
    if tree is not None:
        check_responsibilities(case, lambda: inference.responsibilities(tree, case.x), each_draw(tree))


# ---------------------------------------------------------------------------------------------------------------- labels


@pytest.mark.quick(
    but=["beta_binomial", "topics", "ragged_hospitals", "censored", "steps_between_rows", "settings_from_outside"],
    reason="each kind of structure has other cases",
)
@of(LABELLED)
def test_components_that_may_change_places_are_those_of_equal_density(case):
    tree = sampled(case)
    if tree is None:
        return
    report = answered(lambda: inference.diagnose_labels(tree), not case.relabels)
    if report is not None:
        assert report.switching.possible == math.prod(math.factorial(len(group)) for group in case.exchangeable())


def pivots(case: Case) -> list[np.ndarray]:
    """A clustering of the rows, by size, under all numberings: draws of one labelling cannot suit them all."""
    x = Observations.of(case.x).x
    rank = np.argsort(np.argsort(np.nanmean(x.reshape(len(x), -1), axis=1), kind="stable"))
    clusters = rank * case.components // len(x)
    return [np.array(order)[clusters] for order in itertools.permutations(range(case.components))]


@pytest.mark.quick(
    "experts",
    "weights_of_groups",
    "one_hot",
    "kinds_of_columns",
    "priors_tell_apart",
    "tallies",
    "levels",
    "hidden_markov",
    "two_moments",
    "repelled",
    "sum_of_two",
    reason="each kind of structure",
)
@of(LABELLED)
def test_relabelling_keeps_the_density_of_every_draw(case):
    tree = sampled(case)
    if tree is None:
        return
    before, is_moved = [case.densities(draw) for draw in each_draw(tree)], False
    for pivot in pivots(case):
        after = answered(functools.partial(inference.relabel, tree, pivot=pivot), not case.relabels)
        if after is None:
            continue
        assert_near([case.densities(draw) for draw in each_draw(after)], before, "density of a relabelled draw")
        permutations = after["relabelling"]["permutation"].values
        is_moved |= bool((permutations != np.arange(case.components)).any())
    if case.relabels and case.exchangeable():
        assert is_moved


# -------------------------------------------------------------------------------------------------- numbers from around


@pytest.fixture
def rates():
    """The list of a prior's numbers, as it was when the test is over."""
    before = list(scope.RATES)
    yield scope.RATES
    scope.RATES[:] = before


CHANGES = ("cell", "list", "mapping", "array")


@pytest.mark.parametrize("change", CHANGES)
def test_a_number_from_around_that_has_changed_is_seen(change, backend, rates):
    program, set_exposure, times = scope.with_a_cell()
    x, words = Observations(scope.SEEN), engine(backend)
    rng = np.random.default_rng(6)
    points = [{"weights": rng.dirichlet([2, 2]), "rate": rng.gamma(2, 1, 2)} for _ in range(2)]
    exposure = 1.0

    def check():
        got = words.bind(program, x).log_priors(stacked(points)) + words.bind(program, x).log_likelihoods(
            stacked(points)
        )
        assert_near(got, [scope.counts_density(p, exposure, times["per row"], rates) for p in points])

    check()
    if change == "cell":
        exposure = 2.5
        set_exposure(exposure)
    elif change == "list":
        rates[0] = 5.0
    elif change == "mapping":
        times["per row"] = np.array([0.5, 0.5, 4.0, 1.0])
    else:
        times["per row"][2] = 7.0
    check()


def test_a_fit_sees_the_cell_and_the_array_that_have_changed():
    program, set_exposure, times = scope.with_a_cell()
    for exposure in (1.0, 3.0):
        set_exposure(exposure)
        times["per row"][1] = 4.0 / exposure
        fit = inference.fit_map(program, scope.SEEN, restarts=2, steps=3, seed=0)
        right = scope.counts_density(fit.parameters, exposure, times["per row"], scope.RATES)
        assert_near(fit.log_posterior, right)
