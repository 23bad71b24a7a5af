"""Programs of one's own, asked through the public verbs: each is answered right, or refused in words before any work.

Every case declares a small program, asks something of it, and compares the answer with one that this file finds without the package: scipy's
densities with the assignments summed out by hand, a grid, or scipy's optimiser. What holds a case is said where it is declared: MUST_WORK only
a right answer, MAY_REFUSE that or an error of `mixtures.errors` which is a sentence and comes before any draw was made, MUST_REFUSE only that.
"""

import functools
import math
import re
import signal
import time
import traceback

import arviz_stats
import numpy as np
import pytest
from scipy import optimize, special, stats

import inference
import mixtures
from mixtures import errors

# ------------------------------------------------------------------------------------------------------------- the frame

MUST_WORK, MAY_REFUSE, MUST_REFUSE = "must work", "may be refused", "must be refused"
CASES = []
DENSITY = 1e-7
"""Tolerance of log densities, relative to 1 + |right|: both sides are in double precision."""


def case(name, holds):
    """Enter a function into the table of cases."""

    def enter(function):
        CASES.append((name, holds, function))
        return function

    return enter


class Answer:
    """What was got, what is right, and whether these agree."""

    def __init__(self, got, right, is_right):
        self.got, self.right, self.is_right = got, right, bool(is_right)


def truth(is_right, otherwise, right):
    """An answer that is not a number."""
    return Answer(right if is_right else otherwise, right, is_right)


class LateRefusalError(Exception):
    """A refusal after the sampler had run."""


def near(got, right, tolerance=DENSITY, what=""):
    """An answer of numbers, shown where it is furthest off."""
    got, right = np.atleast_1d(np.asarray(got, float)), np.atleast_1d(np.asarray(right, float))
    if got.shape != right.shape:
        return Answer(f"{what}shape {got.shape}", f"shape {right.shape}", False)
    off = np.abs(got - right) / (1 + np.abs(right))
    off = np.where(np.isfinite(off), off, np.inf)
    worst = np.unravel_index(np.argmax(off), off.shape)
    return Answer(f"{what}{got[worst]:.6g}", f"{right[worst]:.6g}", off[worst] <= tolerance)


def all_of(*answers):
    """One answer of several: the first that is not right, or the first of all."""
    return next((answer for answer in answers if not answer.is_right), answers[0])


def sample(program, x, draws=20, tune=30, chains=1, **options):
    """Draws. A refusal counts only if it comes before the work: again, and at once, where a million draws are asked for."""
    settings = {"seed": 1, "progress": False, "log_likelihood": False, **options}
    try:
        return inference.sample_nuts(program, x, draws=draws, tune=tune, chains=chains, **settings)
    except errors.MixturesError as refusal:
        if is_refused_at_once(
            lambda: inference.sample_nuts(program, x, draws=1_000_000, tune=100, chains=1, **settings)
        ):
            raise
        raise LateRefusalError(str(refusal)) from refusal


def is_refused_at_once(ask, seconds=10):
    """Whether something is refused within some seconds; after these it is stopped as by Ctrl-C."""
    before = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    signal.setitimer(signal.ITIMER_REAL, seconds)
    begin = time.perf_counter()
    try:
        ask()
    except errors.MixturesError:
        return time.perf_counter() - begin < seconds
    except KeyboardInterrupt:
        return False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    return False


def draws_of(tree, group="posterior"):
    """A group's draws, (draws, ...) by site."""
    return {str(name): value.values.reshape(-1, *value.shape[2:]) for name, value in tree[group].data_vars.items()}


def each(density, draws):
    """A density at every draw."""
    count = len(next(iter(draws.values())))
    return np.array([density({name: value[t] for name, value in draws.items()}) for t in range(count)])


def densities(tree, density):
    """The tree's log posterior density at every draw, against one's own."""
    return near(tree["sample_stats"]["log_posterior"].values.ravel(), each(density, draws_of(tree)))


def at_its_maximum(fit, density, highest):
    """A fit's log posterior: right where the fit is, and (to 0.01) as high as scipy's optimiser came."""
    there = density(fit.parameters)
    return all_of(
        near(fit.log_posterior, there, what="log posterior "),
        Answer(f"maximum {there:.6g}", f"{highest:.6g}", there >= highest - 0.01),
    )


def climbed(density, starts):
    """The highest value that scipy's L-BFGS reaches from some starts."""
    return max(-optimize.minimize(lambda u: -density(u), start, method="L-BFGS-B").fun for start in starts)


def unchanged_by_relabel(tree, density, x, supported=lambda draws: True):
    """The likelihood of every draw before and after `relabel`, towards two opposite labellings, so that one of them must exchange."""
    before, upper = each(density, draws_of(tree)), (x > np.median(x)).astype(int)
    answers = []
    for pivot in (upper, 1 - upper):
        after = draws_of(inference.relabel(tree, pivot=pivot))
        answers.append(near(each(density, after), before, what="log likelihood after relabel "))
        answers.append(truth(supported(after), "draws outside their support", "draws inside"))
    return all_of(*answers)


def said(error):
    """An error in one line."""
    here = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == __file__]
    return f"{type(error).__name__} (line {here[-1]}): {' '.join(str(error).split())[:110]}"


def judge(name, holds, function):
    """Run a case: its line, and whether it holds."""
    try:
        answer = function()
    except LateRefusalError as error:
        return f"WRONG     {name}: got a refusal after sampling, {str(error)[:90]}; right: before it", False
    except errors.MixturesError as error:
        is_sentence = len(str(error).split()) >= 6 and not isinstance(error, errors.StoredFileError)
        is_held = is_sentence and holds != MUST_WORK
        return f"REFUSED   {name}: got {said(error)}, right: {holds}", is_held
    except Exception as error:
        return f"RAW ERROR {name}: got {said(error)}, right: {holds}", False
    word = "ok       " if answer.is_right and holds != MUST_REFUSE else "WRONG    "
    return f"{word} {name}: got {answer.got}, right {answer.right}", word.startswith("ok")


# ---------------------------------------------------------------------------------------------------------- two normals


def two_groups(rows, share, centres, spread, seed):
    """Rows of two overlapping normals, and which row is of which."""
    rng = np.random.default_rng(seed)
    second = (rng.random(rows) < share).astype(int)
    return np.asarray(centres)[second] + spread * rng.normal(size=rows), second


def mixture_of_normals(x, weights, centre, spread=1.0):
    """log p(x), the components of the rows summed out."""
    return special.logsumexp(np.log(weights) + stats.norm.logpdf(x[:, None], centre, spread), axis=1).sum()


def dirichlet(weights, concentration):
    """The log density of weights, also at the edges, where scipy refuses weights that miss 1 by rounding."""
    a = np.broadcast_to(concentration, np.shape(weights))
    return special.gammaln(a.sum()) - special.gammaln(a).sum() + special.xlogy(a - 1, weights).sum()


X, _ = two_groups(60, 0.35, (-1.0, 1.2), 1.0, seed=3)

# ------------------------------------------------------------------------------ a class for each subject, in a long table

LINES = (2, 5, 3, 4, 6, 2, 3, 5, 4, 3, 6, 4, 3, 5)
WHO = np.repeat(np.arange(len(LINES)), LINES)
LONG = np.array([-0.9, 0.8])[np.array([0, 1, 0, 0, 1, 1, 0, 1, 0, 0, 0, 1, 0, 0])][WHO] + np.random.default_rng(
    5
).normal(size=len(WHO))


@mixtures.declare
def classes_of_subjects(ppl, x, covariates):
    """The rows are the lines of the table; the classes have a plate of their own."""
    who = covariates[:, 0].astype(int)
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 3.0))
    with ppl.plate("subjects", len(LINES)):
        z = ppl.assign("assignment", weights)
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Normal(centre[z[who]], 1.0), obs=x)


@mixtures.declare
def rows_are_subjects(ppl, x, covariates):
    """The rows are the subjects; the lines of the table have a plate of their own."""
    who = covariates[:, 0].astype(int)
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 3.0))
    with ppl.plate("rows", len(LINES)):
        z = ppl.assign("assignment", weights)
    with ppl.plate("lines", len(x)):
        ppl.sample("obs", ppl.dist.Normal(centre[z[who]], 1.0), obs=x)


def by_subject(table):
    """The lines' numbers, added up subject by subject."""
    total = np.zeros((len(LINES), *table.shape[1:]))
    np.add.at(total, WHO, table)
    return total


def subjects_density(p):
    """log p(x, parameters), the subjects' classes summed out."""
    likelihood = by_subject(stats.norm.logpdf(LONG[:, None], p["centre"], 1.0))
    prior = dirichlet(p["weights"], 2.0) + stats.norm.logpdf(p["centre"], 0.0, 3.0).sum()
    return special.logsumexp(likelihood + np.log(p["weights"]), axis=1).sum() + prior


def lower_centre():
    """The posterior mean of the smaller centre, by a grid over both centres and the weight."""
    centre, weight = np.linspace(-4.0, 4.0, 161), (np.arange(50) + 0.5) / 50
    table = by_subject(stats.norm.logpdf(LONG[:, None], centre, 1.0))  # (subjects, centres)
    joint = np.zeros((50, 161, 161))
    for subject in table:
        joint += np.logaddexp(
            np.log(weight)[:, None, None] + subject[:, None], np.log1p(-weight)[:, None, None] + subject
        )
    prior = stats.norm.logpdf(centre, 0.0, 3.0)
    joint += (np.log(weight) + np.log1p(-weight))[:, None, None] + prior[:, None] + prior
    mass = np.exp(joint - joint.max()).sum(axis=0)
    return (mass * np.minimum(centre[:, None], centre)).sum() / mass.sum()


@case("class of a subject in a long table, plate 'subjects' beside 'rows'", MUST_WORK)
def _():
    tree = sample(classes_of_subjects, mixtures.Observations(LONG, covariates=WHO), draws=400, tune=300, chains=2)
    mean = draws_of(tree)["centre"].min(axis=1).mean()
    return all_of(densities(tree, subjects_density), near(mean, lower_centre(), 0.08, "smaller centre "))


@case("class of a subject in a long table, plate 'rows' of subjects", MAY_REFUSE)
def _():
    tree = sample(rows_are_subjects, mixtures.Observations(LONG, covariates=WHO), draws=400, tune=300, chains=2)
    mean = draws_of(tree)["centre"].min(axis=1).mean()
    return all_of(densities(tree, subjects_density), near(mean, lower_centre(), 0.08, "smaller centre "))


# -------------------------------------------------------------------------------------------------------------- plates


def normals_density(p, x=X, concentration=1.0, prior_sd=5.0, spread=1.0):
    """log p(x, parameters) of two or more normals with one scale."""
    prior = dirichlet(p["weights"], concentration) + stats.norm.logpdf(p["centre"], 0.0, prior_sd).sum()
    return mixture_of_normals(x, p["weights"], p["centre"], spread) + prior


@mixtures.declare
def factor_outside(ppl, x):
    """The rows' log density is added after their plate is closed."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
    ppl.factor("likelihood", ppl.dist.Normal(centre[z], 1.0).log_prob(x))


@case("factor outside the plate of rows", MAY_REFUSE)
def _():
    return densities(sample(factor_outside, X), normals_density)


def deep(components, items, times):
    """A program with two plates inside rows."""

    @mixtures.declare
    def program(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(components)))
        with ppl.plate("components", components):
            centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            with ppl.plate("items", items), ppl.plate("times", times):
                cells = x.reshape(len(x), items, times).transpose(2, 1, 0)
                ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=cells)

    return program


def cells_density(p, x):
    """log p(x, parameters), every cell of a row being of the row's component."""
    table = stats.norm.logpdf(x[:, :, None], p["centre"], 1.0).sum(axis=1)
    prior = dirichlet(p["weights"], 1.0) + stats.norm.logpdf(p["centre"], 0.0, 5.0).sum()
    return special.logsumexp(table + np.log(p["weights"]), axis=1).sum() + prior


def two_plates(components, items, times):
    """The case of one shape."""
    x = np.random.default_rng(7).normal(size=(7, items * times))
    return densities(sample(deep(components, items, times), x), functools.partial(cells_density, x=x))


for SHAPE in ((2, 3, 2), (2, 3, 4), (3, 2, 3)):
    NAME = f"two plates inside rows: {SHAPE[0]} components, {SHAPE[1]} items, {SHAPE[2]} times"
    case(NAME, MUST_WORK)(functools.partial(two_plates, *SHAPE))

SQUARE = np.random.default_rng(8).normal(size=(6, 6))


@mixtures.declare
def rows_inside_items(ppl, x):
    """The rows' plate is opened again, inside one as long as itself."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    with ppl.plate("rows", 6):
        z = ppl.assign("assignment", weights)
    with ppl.plate("items", 6), ppl.plate("rows", 6):
        ppl.sample("obs", ppl.dist.Normal(centre[z[:, None] if z.ndim == 1 else z], 1.0), obs=x)


@mixtures.declare
def rows_inside_days(ppl, x):
    """Every cell has an assignment: rows within days, as many of the one as of the other."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    with ppl.plate("days", 6):
        day = ppl.sample("day", ppl.dist.Normal(0.0, 1.0))
        with ppl.plate("rows", 6):
            z = ppl.assign("assignment", weights)
            ppl.sample("obs", ppl.dist.Normal(centre[z] + day, 1.0), obs=x)


@case("rows opened inside another plate of equal length", MAY_REFUSE)
def _():
    return densities(sample(rows_inside_items, SQUARE), functools.partial(cells_density, x=SQUARE))


@case("assignments of rows inside another plate of equal length", MAY_REFUSE)
def _():
    def density(p):
        table = stats.norm.logpdf(SQUARE[:, :, None], p["centre"] + p["day"][:, None], 1.0)
        priors = stats.norm.logpdf(p["centre"], 0.0, 5.0).sum() + stats.norm.logpdf(p["day"]).sum()
        return special.logsumexp(table + np.log(p["weights"]), axis=2).sum() + priors + dirichlet(p["weights"], 1.0)

    return densities(sample(rows_inside_days, SQUARE), density)


@mixtures.declare
def plate_called_data(ppl, x):
    """The rows' plate has another name."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    with ppl.plate("data", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)


@case("plate called 'data' instead of 'rows'", MAY_REFUSE)
def _():
    fit = inference.fit_map(plate_called_data, X, restarts=2, steps=150, seed=0)
    p = fit.parameters
    table = np.log(p["weights"]) + stats.norm.logpdf(X[:, None], p["centre"], 1.0)
    return all_of(
        near(fit.log_posterior, normals_density(p)),
        near(inference.responsibilities(fit, X), special.softmax(table, axis=1), 1e-6, "responsibility "),
        near(inference.log_likelihood(fit, X), special.logsumexp(table, axis=1), what="log likelihood of a row "),
    )


# ------------------------------------------------------------------------------------------------------------- relabel


@mixtures.declare
def plate_called_clusters(ppl, x):
    """The components' plate has another name."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("clusters", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)


@mixtures.declare
def nameless_vector(ppl, x):
    """The components' centres are one vector whose axis has no name."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    centre = ppl.sample("centre", ppl.dist.Normal(ppl.xp.zeros(2), 5.0).to_event(1))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)


@mixtures.declare
def sticks(ppl, x):
    """Weights by breaking a stick: the components are not alike a priori."""
    xp = ppl.xp
    with ppl.plate("sticks", 2):
        broken = ppl.sample("broken", ppl.dist.Beta(1.0, 1.5))
    left = xp.concatenate([xp.ones(1), xp.cumprod(1 - broken, 0)])
    weights = xp.concatenate([broken, xp.ones(1)]) * left
    with ppl.plate("components", 3):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)


@mixtures.declare
def ordered_vector(ppl, x):
    """The centres rise."""
    xp, dist = ppl.xp, ppl.dist
    base = dist.Normal(xp.array([-1.0, 0.5]), xp.ones(2)).to_event(1)
    rising = dist.TransformedDistribution(base, dist.transforms.OrderedTransform())
    weights = ppl.sample("weights", dist.Dirichlet(xp.ones(2)))
    centre = ppl.sample("centre", rising, dims=("components",))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", dist.Normal(centre[z], 1.0), obs=x)


def weights_and_centres(p):
    """log p(x) at weights and centres."""
    return mixture_of_normals(X, p["weights"], p["centre"])


def sticks_and_centres(p):
    """log p(x) at broken sticks and centres."""
    weights = np.append(p["broken"], 1.0) * np.append(1.0, np.cumprod(1 - p["broken"]))
    return mixture_of_normals(X, weights, p["centre"])


@case("relabel: the components' plate has another name", MAY_REFUSE)
def _():
    return unchanged_by_relabel(sample(plate_called_clusters, X, draws=60, tune=100), weights_and_centres, X)


@case("relabel: the components' values by to_event, without dims", MAY_REFUSE)
def _():
    return unchanged_by_relabel(sample(nameless_vector, X, draws=60, tune=100), weights_and_centres, X)


@case("relabel: weights by stick-breaking", MAY_REFUSE)
def _():
    def inside(draws):
        return ((draws["broken"] > 0) & (draws["broken"] < 1)).all()

    return unchanged_by_relabel(sample(sticks, X, draws=60, tune=100), sticks_and_centres, X, inside)


@case("relabel: an ordered vector stays ordered", MAY_REFUSE)
def _():
    def rising(draws):
        return (np.diff(draws["centre"], axis=1) > 0).all()

    return unchanged_by_relabel(sample(ordered_vector, X, draws=60, tune=100), weights_and_centres, X, rising)


@mixtures.declare
def square_site(ppl, x):
    """How each class answers: as many answers as classes, both axes of one length and none named."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        answers = ppl.sample("answers", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        with ppl.plate("questions", 4):
            ppl.sample("obs", ppl.dist.Categorical(answers[z]), obs=x.T.astype(int))


@case("a K x K site without dims: density, check_posterior, diagnose_labels, relabel, ArviZ's summary", MAY_REFUSE)
def _():
    rng = np.random.default_rng(9)
    x = (rng.random((40, 4)) < np.where(rng.random(40) < 0.6, 0.25, 0.7)[:, None]).astype(float)

    def likelihood(p):
        ones = x.sum(axis=1, keepdims=True)
        table = special.xlogy(ones, p["answers"][:, 1]) + special.xlogy(4 - ones, p["answers"][:, 0])
        return special.logsumexp(table + np.log(p["weights"]), axis=1).sum()

    tree = sample(square_site, x, draws=60, tune=100, chains=2)
    right = densities(tree, lambda p: likelihood(p) + dirichlet(p["weights"], 2.0))
    inference.check_posterior(tree)
    inference.diagnose_labels(tree)
    arviz_stats.summary(tree)
    return all_of(unchanged_by_relabel(tree, likelihood, x.sum(axis=1)), right)


# --------------------------------------------------------------------------------------- numbers from the enclosing scope

PRIOR_SD = 0.2


@mixtures.declare
def prior_from_outside(ppl, x):
    """A number of the prior is a global."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, PRIOR_SD))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)


def highest_under(prior_sd):
    """The greatest log posterior density of two normals under a prior, by scipy."""

    def density(u):
        share = special.expit(u[0])
        return normals_density({"weights": np.array([share, 1 - share]), "centre": u[1:]}, prior_sd=prior_sd)

    return climbed(density, [(0.0, -1.0, 1.0), (1.0, 0.1, -0.2), (0.5, 0.3, 0.1)])


@case("a global that changes between two calls of fit_map", MUST_WORK)
def _():
    answers = []
    for prior_sd in (0.2, 4.0):
        globals()["PRIOR_SD"] = prior_sd
        fit = inference.fit_map(prior_from_outside, X, restarts=4, steps=200, seed=0)
        density = functools.partial(normals_density, prior_sd=prior_sd)
        answers.append(at_its_maximum(fit, density, highest_under(prior_sd)))
    return all_of(*answers)


@case("a global that changes between two calls of sample_nuts", MUST_WORK)
def _():
    answers = []
    for prior_sd in (0.3, 3.0):
        globals()["PRIOR_SD"] = prior_sd
        answers.append(densities(sample(prior_from_outside, X), functools.partial(normals_density, prior_sd=prior_sd)))
    return all_of(*answers)


MANY, _SECOND = two_groups(300, 0.4, (2.0, -1.0), 0.5, seed=11)
ERROR = np.random.default_rng(12).uniform(0.2, 1.0, 300)
NOISY = MANY + ERROR * np.random.default_rng(13).normal(size=300)


@mixtures.declare
def known_errors(ppl, x):
    """Every row's error of measurement is known, and stands outside the program."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    spread = ppl.sample("spread", ppl.dist.LogNormal(0.0, 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Normal(centre[z], ppl.xp.sqrt(spread**2 + ERROR**2)), obs=x)


@case("known scales of 300 rows from the enclosing scope", MUST_WORK)
def _():
    def density(p):
        scale = np.sqrt(p["spread"] ** 2 + ERROR**2)[:, None]
        likelihood = special.logsumexp(
            np.log(p["weights"]) + stats.norm.logpdf(NOISY[:, None], p["centre"], scale), axis=1
        )
        prior = dirichlet(p["weights"], 1.0) + stats.norm.logpdf(p["centre"], 0.0, 5.0).sum()
        return likelihood.sum() + prior + stats.lognorm.logpdf(p["spread"], 1.0)

    def free(u):
        share = special.expit(u[0])
        return density({"weights": np.array([share, 1 - share]), "centre": u[1:3], "spread": np.exp(u[3])})

    fit = inference.fit_map(known_errors, NOISY, restarts=3, steps=200, seed=0)
    return at_its_maximum(fit, density, climbed(free, [(0.0, 2.0, -1.0, -1.0), (0.0, 0.5, -0.5, 0.0)]))


# ---------------------------------------------------------------------------------------- a continuous unknown in each row

BLURRED = MANY + 0.8 * np.random.default_rng(14).normal(size=300)


@mixtures.declare
def unknown_in_each_row(ppl, x):
    """What is measured is not the value itself, which is unknown in each row."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        value = ppl.sample("value", ppl.dist.Normal(centre[z], 1.0))
        ppl.sample("obs", ppl.dist.Normal(value, 0.8), obs=x)


@case("an unknown in each of 300 rows: fit_map", MUST_WORK)
def _():
    def density(p):
        prior = dirichlet(p["weights"], 1.0) + stats.norm.logpdf(p["centre"], 0.0, 5.0).sum()
        values = mixture_of_normals(p["value"], p["weights"], p["centre"])
        return values + stats.norm.logpdf(BLURRED, p["value"], 0.8).sum() + prior

    def free(u):
        """The density and its slope, of which every value has its own."""
        share, centre, value = special.expit(u[0]), u[1:3], u[3:]
        weights = np.array([share, 1 - share])
        table = np.log(weights) + stats.norm.logpdf(value[:, None], centre, 1.0)
        r = special.softmax(table, axis=1)
        apart = value[:, None] - centre
        slope = np.concatenate(
            [
                [(r[:, 0] - share).sum()],
                (r * apart).sum(axis=0) - centre / 25.0,
                -(r * apart).sum(axis=1) + (BLURRED - value) / 0.64,
            ]
        )
        return -density({"weights": weights, "centre": centre, "value": value}), -slope

    start = np.concatenate([[0.0, 2.0, -1.0], BLURRED])
    highest = -optimize.minimize(free, start, jac=True, method="L-BFGS-B", options={"maxiter": 5000}).fun
    fit = inference.fit_map(unknown_in_each_row, BLURRED, restarts=3, steps=300, seed=0)
    return at_its_maximum(fit, density, highest)


@case(
    "an unknown in each of 300 rows: log_likelihood is of the observed, and says whether conditional or marginal",
    MUST_WORK,
)
def _():
    group = sample(unknown_in_each_row, BLURRED, log_likelihood=True)
    draws, got = draws_of(group), draws_of(group, "log_likelihood")["obs"]
    given = stats.norm.logpdf(BLURRED, draws["value"], 0.8)
    table = stats.norm.logpdf(BLURRED[:, None], draws["centre"][:, None], math.sqrt(1.64))
    marginal = special.logsumexp(np.log(draws["weights"])[:, None] + table, axis=2)
    node = group["log_likelihood"]
    words = f"{node.attrs} {node['obs'].attrs} {inference.log_likelihood.__doc__}"
    found = [
        kind
        for kind, right in {"conditional": given, "marginal": marginal}.items()
        if np.allclose(got, right, atol=1e-6)
    ]
    mean = f"{got.sum(axis=1).mean():.6g}"
    right = f"{given.sum(axis=1).mean():.6g} conditional or {marginal.sum(axis=1).mean():.6g} marginal, and that word"
    if not found:
        return Answer(mean, right, False)
    return Answer(f"{mean}, {found[0]}", right, re.search(rf"\b{found[0]}", words, re.IGNORECASE))


# ------------------------------------------------------------------------------------------------- the edge of the support

WAITS = 0.25 + np.random.default_rng(16).exponential(0.4, 80)


@mixtures.declare
def shifted(ppl, x):
    """Waiting times that begin at an unknown moment, bounded by 0.2: the density rises up to that edge."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    shift = ppl.sample("shift", ppl.dist.Uniform(0.0, 0.2))
    with ppl.plate("components", 2):
        rate = ppl.sample("rate", ppl.dist.Gamma(2.0, 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Exponential(rate[z]), obs=x - shift)


@mixtures.declare
def categories(ppl, x):
    """Three answers of four kinds, of which one is never given: its probability is 0 at the mode."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        probs = ppl.sample("probs", ppl.dist.Dirichlet(ppl.xp.ones(4)))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        with ppl.plate("questions", 3):
            ppl.sample("obs", ppl.dist.Categorical(probs[z]), obs=x.T.astype(int))


def from_the_mode(program, x, density):
    """Draws that start about the mode: finite, moving, and of the right density."""
    fit = inference.fit_map(program, x, restarts=2, steps=200, seed=0)
    tree = sample(program, x, draws=100, tune=150, chains=2, init=fit)
    draws = draws_of(tree)
    is_finite = all(np.isfinite(value).all() for value in draws.values())
    moves = min(value.reshape(2, 100, -1).std(axis=1).min() for value in draws.values())
    return all_of(
        densities(tree, density),
        truth(is_finite, "draws that are not finite", "finite draws"),
        truth(moves > 1e-6, f"a chain that moves by {moves:.1e}", "chains that move"),
    )


@case("a mode at the edge of the support, a bounded shift, then sample_nuts(init=fit)", MUST_WORK)
def _():
    def density(p):
        table = np.log(p["weights"]) + np.log(p["rate"]) - p["rate"] * (WAITS - p["shift"])[:, None]
        prior = dirichlet(p["weights"], 1.0) + stats.gamma.logpdf(p["rate"], 2.0).sum() + np.log(5.0)
        return special.logsumexp(table, axis=1).sum() + prior

    return from_the_mode(shifted, WAITS, density)


@case("a mode at the edge of the support, a kind never seen, then sample_nuts(init=fit)", MUST_WORK)
def _():
    rng = np.random.default_rng(1)
    shares = np.array([[0.1, 0.2, 0.7], [0.5, 0.3, 0.2]])[(rng.random(60) < 0.4).astype(int)]
    x = (rng.random((60, 3))[:, :, None] > shares.cumsum(axis=1)[:, None, :2]).sum(axis=2)  # kinds 0, 1, 2

    def density(p):
        table = np.log(p["weights"]) + np.log(p["probs"])[:, x].sum(axis=2).T
        prior = dirichlet(p["weights"], 1.0) + sum(dirichlet(probs, 1.0) for probs in p["probs"])
        return special.logsumexp(table, axis=1).sum() + prior

    return from_the_mode(categories, x.astype(float), density)


# ---------------------------------------------------------------------------------------------- programs made by a function

APART, APART_TRUTH = two_groups(50, 0.4, (-3.0, 3.0), 0.8, seed=16)


def two_normals(spread):
    """A program that nobody can import."""

    @mixtures.declare
    def program(ppl, x):
        weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
        with ppl.plate("components", 2):
            centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
        with ppl.plate("rows", len(x)):
            z = ppl.assign("assignment", weights)
            ppl.sample("obs", ppl.dist.Normal(centre[z], spread), obs=x)

    return program


@functools.cache
def draws_of_two_normals():
    """Draws for the next three cases."""
    return sample(two_normals(0.8), APART, draws=80, tune=150, chains=2)


@case("a program made by a function: diagnose_labels", MUST_WORK)
def _():
    report = inference.diagnose_labels(draws_of_two_normals())
    return near(report.switching.possible, 2, what="labellings ")


@case("a program made by a function: relabel", MUST_WORK)
def _():
    tree = draws_of_two_normals()
    right = unchanged_by_relabel(tree, lambda p: mixture_of_normals(APART, p["weights"], p["centre"], 0.8), APART)
    centre = draws_of(inference.relabel(tree, pivot=APART_TRUTH))["centre"]
    return all_of(
        right, near((centre[:, 0] < 0).mean(), 1.0, what="share of draws whose first centre is the left one ")
    )


@case("a program made by a function: partition", MUST_WORK)
def _():
    labels = np.asarray(inference.partition(draws_of_two_normals(), loss="vi", seed=0).labels)
    together = (labels[:, None] == labels) == (APART_TRUTH[:, None] == APART_TRUTH)
    return near(together.mean(), 1.0, what="share of pairs ")


@case("a program made by a function: sample_nuts(assignments=True)", MUST_WORK)
def _():
    tree = sample(two_normals(0.8), APART, draws=60, tune=150, assignments=True)
    z = tree["posterior"]["assignment"].values.reshape(-1, len(APART))
    together = (z[:, :, None] == z[:, None]) == (APART_TRUTH[:, None] == APART_TRUTH)
    return near(together.mean(), 1.0, 0.05, "share of pairs ")


# ------------------------------------------------------------------------------------------------ assignments of no row

REGIME = np.array([0.5, 0.9, -0.3, 1.2, 0.1])


@mixtures.declare
def one_regime(ppl, x):
    """One assignment for all rows; the regimes have priors of their own."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    centre = ppl.sample("centre", ppl.dist.Normal(ppl.xp.array([0.0, 1.5]), 0.4).to_event(1), dims=("components",))
    z = ppl.assign("regime", weights)
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Normal(centre[z], 1.0), obs=x)


def regime_fit():
    """A fit, and log p(x, regime | parameters)."""
    fit = inference.fit_map(one_regime, REGIME, restarts=3, steps=150, seed=0)
    p = fit.parameters
    return fit, np.log(p["weights"]) + stats.norm.logpdf(REGIME[:, None], p["centre"], 1.0).sum(axis=0)


@case("an assignment outside rows: log_likelihood", MAY_REFUSE)
def _():
    fit, joint = regime_fit()
    right = special.logsumexp(joint)
    return all_of(
        near(fit.log_likelihood, right),
        near(inference.log_likelihood(fit, REGIME).sum(), right, what="sum of the rows "),
    )


@case("an assignment outside rows: responsibilities", MAY_REFUSE)
def _():
    fit, joint = regime_fit()
    got = np.asarray(inference.responsibilities(fit, REGIME))
    return near(got, np.broadcast_to(special.softmax(joint), got.shape), 1e-6)


PREDICTORS = np.random.default_rng(17).normal(size=(70, 5))
RESPONSE = PREDICTORS @ np.array([1.2, 0.0, 0.0, -0.8, 0.0]) + np.random.default_rng(18).normal(size=70)


@mixtures.declare
def spike_and_slab(ppl, x, covariates):
    """The assignments are of coefficients."""
    spread = ppl.sample("spread", ppl.dist.HalfNormal(2.0))
    with ppl.plate("coefficients", 5):
        slab = ppl.assign("slab", ppl.xp.array([0.6, 0.4]))
        slope = ppl.sample("slope", ppl.dist.Normal(0.0, ppl.xp.where(slab == 1, 2.0, 0.1)))
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Normal(covariates @ slope, spread), obs=x)


def slopes_prior(p):
    """The log prior density, the coefficients' assignments summed out."""
    slopes = np.log(0.6 * stats.norm.pdf(p["slope"], 0, 0.1) + 0.4 * stats.norm.pdf(p["slope"], 0, 2.0)).sum()
    return slopes + stats.halfnorm.logpdf(p["spread"], 0, 2.0)


def slopes_likelihood(p):
    """The log likelihood, which no assignment has a part in."""
    return stats.norm.logpdf(RESPONSE, PREDICTORS @ p["slope"], p["spread"]).sum()


@case("spike and slab: the fit's log likelihood", MUST_WORK)
def _():
    observations = mixtures.Observations(RESPONSE, covariates=PREDICTORS)
    fit = inference.fit_map(spike_and_slab, observations, restarts=2, steps=200, seed=0)
    return all_of(
        near(
            fit.log_posterior, slopes_likelihood(fit.parameters) + slopes_prior(fit.parameters), what="log posterior "
        ),
        near(fit.log_likelihood, slopes_likelihood(fit.parameters), what="log likelihood "),
    )


@case("spike and slab: the draws' log prior", MUST_WORK)
def _():
    tree = sample(spike_and_slab, mixtures.Observations(RESPONSE, covariates=PREDICTORS))
    return all_of(
        densities(tree, lambda p: slopes_likelihood(p) + slopes_prior(p)),
        near(tree["log_prior"]["log_prior"].values.ravel(), each(slopes_prior, draws_of(tree)), what="log prior "),
    )


# ------------------------------------------------------------------------------------------------------- what is observed


@mixtures.declare
def likelihood_by_factor(ppl, x):
    """No site is observed: the likelihood is a factor inside rows."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 5.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.factor("likelihood", -0.5 * (x - centre[z]) ** 2 - 0.5 * math.log(2 * math.pi))


@case("predictive=True where the likelihood is a factor: the draws are not lost", MAY_REFUSE)
def _():
    return densities(sample(likelihood_by_factor, X, predictive=True), normals_density)


CUTS = (-1.2, 0.1, 1.4)
GRADES = np.digitize(two_groups(60, 0.5, (-1.0, 1.4), 1.5, seed=19)[0], CUTS).astype(float)


@mixtures.declare
def grades(ppl, x):
    """An ordered outcome of four grades."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        centre = ppl.sample("centre", ppl.dist.Normal(0.0, 2.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.OrderedLogistic(centre[z], ppl.xp.array(CUTS)), obs=x)


@case("an outcome by OrderedLogistic", MUST_WORK)
def _():
    def density(p):
        below = special.expit(np.subtract.outer(np.array(CUTS), p["centre"]))  # P(grade <= cut), (cuts, components)
        bounds = np.concatenate([np.zeros((1, 2)), below, np.ones((1, 2))])
        table = np.log(np.diff(bounds, axis=0)[GRADES.astype(int)])
        prior = dirichlet(p["weights"], 2.0) + stats.norm.logpdf(p["centre"], 0.0, 2.0).sum()
        return special.logsumexp(table + np.log(p["weights"]), axis=1).sum() + prior

    return densities(sample(grades, GRADES), density)


@case("the program wants covariates, and there are none", MUST_REFUSE)
def _():
    fit = inference.fit_map(classes_of_subjects, LONG, restarts=1, steps=20, seed=0)
    return Answer(fit.status.word, "an error of the package", False)


@case("covariates are given, and the program wants none", MAY_REFUSE)
def _():
    observations = mixtures.Observations(APART, covariates=APART_TRUTH)
    fit = inference.fit_map(plate_called_clusters, observations, restarts=1, steps=100, seed=0)
    return near(fit.log_posterior, normals_density(fit.parameters, x=APART))


@pytest.mark.quick(
    but=[
        "a mode at the edge of the support, a kind*",
        "known scales*",
        "a global that*",
        "an unknown in each of 300 rows: fit_map",
        "a K x K site*",
        "relabel: weights*",
        "relabel: an ordered*",
        "relabel: the components' plate*",
        "assignments of rows inside*",
        "two plates inside rows: 3*",
        "two plates inside rows: 2 components, 3 items, 4*",
        "factor outside*",
        "spike and slab: the fit*",
    ],
    reason="the programs of tests/programs take the same ways",
)
@pytest.mark.filterwarnings("ignore")  # short chains warn of themselves
@pytest.mark.parametrize(("name", "holds", "function"), CASES, ids=[name for name, _, _ in CASES])
def test_a_program_is_answered_right_or_refused_in_words(name, holds, function):
    line, is_held = judge(name, holds, function)
    assert is_held, line
