"""Every public callable with arguments that are right, and the kind of each argument."""

import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import pandas as pd
import xarray as xr
from matplotlib.figure import Figure

import inference
import mixtures
from inference import plots, report
from inference.desk.run_folder import RunFolder
from inference.partitions.partition import partition_responsibilities
from inference.results import GuideFit
from inference.status import Status
from mixtures import Mixture, families, priors, weights
from mixtures.specification import to_json
from tests.arguments.bad import (
    AXES,
    CHOICE,
    CLUSTERS,
    COMMON,
    COUNT,
    COUNT_FROM_0,
    DATA,
    FLAG,
    NAMED_DATA,
    NAMES,
    NOT_NEGATIVE,
    NUMBER,
    NUMBERS,
    OPTION,
    PATH,
    POSITIVE,
    POSITIVE_NUMBERS,
    PRIORS,
    ROWS,
    SEED,
    SHARE,
    SITES,
    THING,
    Kind,
)
from tests.inference.plots.conftest import point_fit

X = np.array([0.0, 0.4, 1.1, 5.0, 5.3, 6.2])
LABELS = np.array([0, 0, 0, 1, 1, 1])
GROUPED = mixtures.Observations(X, group=[0, 0, 1, 1, 2, 2])
LINED = mixtures.Observations(X, covariates=[[0.0], [1.0]] * 3, group=[0, 0, 1, 1, 2, 2])
MODEL = mixtures.gaussian_mixture(2, "tied")


@dataclass(frozen=True)
class Verb:
    """A callable, arguments that it takes, and the kinds of those to be made wrong.

    Args:
        call: the callable.
        right: arguments by name.
        kinds: of arguments, by name.
        untried: arguments that anything may be given for, with a reason.
    """

    call: Callable[..., Any]
    right: dict[str, Any]
    kinds: dict[str, Kind]
    untried: tuple[str, ...] = ()


class Results:
    """Small results of every kind, made when first asked for."""

    @cached_property
    def fit(self):
        return inference.fit_em(MODEL, X, restarts=2, seed=0)

    @cached_property
    def climbed(self):
        """The same with gradients, as fits by gradient have them."""
        return replace(self.fit, gradient_norms={"loc": np.ones(4)})

    @cached_property
    def chain(self):
        """Of rows that follow one another."""
        return inference.fit_em(mixtures.hidden_markov(2), X, restarts=2, seed=0)

    @cached_property
    def levels(self):
        """Of groups that are of classes."""
        model = mixtures.Mixture(2, families.Gaussian(), mixtures.assignments.GroupClasses(2))
        return inference.fit_em(model, GROUPED, restarts=2, seed=0)

    @cached_property
    def growth(self):
        """Of groups that have effects."""
        model = mixtures.Mixture(1, families.Regression(random="intercept"), mixtures.assignments.PerGroup())
        return inference.fit_map(model, LINED, restarts=1, seed=0)

    @cached_property
    def residuals(self):
        return inference.pseudo_residuals(self.fit, X)

    @cached_property
    def tree(self):
        rng = np.random.default_rng(0)
        dims = ("chain", "draw", "components")
        posterior = xr.Dataset(
            {
                "weights": (dims, np.full((2, 20, 2), 0.5)),
                "loc": (dims, [0.5, 5.5] + 0.1 * rng.normal(size=(2, 20, 2))),
                "scale": (dims[:2], np.exp(0.1 * rng.normal(size=(2, 20)))),
            },
            coords={"chain": [0, 1], "draw": np.arange(20), "components": [0, 1]},
        )
        stats = xr.Dataset(
            {"log_posterior": (dims[:2], rng.normal(size=(2, 20))), "lp": (dims[:2], rng.normal(size=(2, 20)))}
        )
        tree = xr.DataTree.from_dict(
            {"posterior": posterior, "sample_stats": stats, "observed_data": xr.Dataset({"obs": (("rows",), X)})}
        )
        tree.attrs = {"program": to_json(MODEL.scaled_to(X)), "backend": "numpyro", "seed": 0, "complete": 1}
        return tree

    @cached_property
    def relabelled(self):
        return inference.relabel(self.tree, method="ordering")

    @cached_property
    def responsibilities(self):
        return np.eye(2)[LABELS] * 0.9 + 0.05

    @cached_property
    def guide(self):
        return GuideFit(
            self.responsibilities, np.ones(4), {"assignment": np.ones(3)}, Status.CONVERGED, self.fit.origin
        )

    @cached_property
    def partition(self):
        return partition_responsibilities(np.tile(self.responsibilities, (20, 1, 1)), seed=0)

    @cached_property
    def report(self):
        return inference.diagnose_labels(self.tree)

    @cached_property
    def selection(self):
        return inference.select_components(X, [1, 2], ["E"], restarts=2, seed=0)


NOTHING = ("None", "empty list", "empty tuple", "empty dict", "empty array")
START = SITES.or_("empty list", "empty tuple", "class", "function")
"""No start, or one of several kinds, a function of the user's too."""
INIT = THING.or_("None")
PIVOT = Kind(frozenset({"None", "0"}), CLUSTERS.more)
LOSS = CHOICE
COVARIANCE = CHOICE
SIZE = THING
FIXED = SITES
CLASSES = Kind(frozenset(), {name: CLUSTERS.more[name] for name in ("fractions", "minus one", "huge")})
LABELLED = Kind(
    frozenset({"None"}), {name: CLUSTERS.more[name] for name in ("fractions", "truth values", "too few", "huge")}
)
ROW_WEIGHTS = Kind(
    frozenset({"None"}),
    {"negative": lambda: -np.ones(6), "not finite": lambda: np.full(6, np.nan), "all zero": lambda: np.zeros(6)},
)
PROGRAM = {"program": THING.or_("None")}
SERIES = Kind(frozenset({"None"}), {"back again": lambda: [0, 0, 1, 1, 0, 0], "absent": lambda: [0, 0, 1, 1, 1, None]})
CONCENTRATIONS = POSITIVE_NUMBERS
OF_CELLS = THING.or_("None", "array")
GROUP_NAMES = Kind(frozenset({"None"}), {"absent": lambda: [0, 0, 1, 1, 1, None]})
OF_ROWS = {"row_weights": ROW_WEIGHTS, "labels": LABELLED}
NAMED_ARRAYS = Kind(
    frozenset({"None", "empty dict"}),
    {
        "a name of x's": lambda: {"x": [1.0]},
        "no name": lambda: {"two words": [1.0]},
        "text": lambda: {"trials": ["a"]},
        "not finite": lambda: {"trials": [np.inf]},
    },
)
COVARIATES = Kind(frozenset({"None", "array"}), {"not finite": lambda: np.full(6, np.inf)})
OBSERVED = Kind(DATA.takes | {"None"}, DATA.more)
ANY_NAMES = frozenset(
    {"text", "number as text", "empty text", "text with a null", "list", "set", "0", "array of text", "frame"}
)
AMONG = Kind(ANY_NAMES | {"None"}, {"minus one": lambda: [-1], "fractions": lambda: [0.5], "twice": lambda: [0, 0]})
COMPONENT = COUNT_FROM_0.or_("None")
WEIGHTS = THING.or_("None")
PAIR = THING
RESPONSIBILITIES = Kind(
    frozenset(), {"sums": lambda: np.full((6, 2), 0.7), "negative": lambda: np.array([[1.5, -0.5]] * 6)}
)


def point_fits(made: Results) -> Iterator[Verb]:
    data = {"x": DATA, "seed": SEED, "backend": CHOICE, "init": START, "restarts": COUNT, "strict": FLAG, **OF_ROWS}
    right = {"x": X, "seed": 0, "restarts": 2, "backend": "numpyro"}
    yield Verb(
        inference.fit_map,
        {"program": MODEL, **right},
        {
            "program": THING, **data, "steps": COUNT, "optimizer": CHOICE.or_("None"), "learning_rate": POSITIVE.or_("None"),
            "fixed": FIXED, "equal": SITES,
        },
    )  # fmt: skip
    yield Verb(
        inference.fit_mle,
        {"program": MODEL, **right},
        {
            "program": THING, **data, "optimizer": CHOICE.or_("None"), "learning_rate": POSITIVE.or_("None"), "momentum": SHARE.or_("0"),
            "batch_size": COUNT.or_("None"), "epochs": COUNT, "fixed": FIXED, "equal": SITES,
        },
    )  # fmt: skip
    yield Verb(
        inference.fit_em,
        {"mixture": MODEL, **right},
        {
            "mixture": THING, **data, "tolerance": NOT_NEGATIVE, "max_steps": COUNT, "hard": FLAG, "objective": CHOICE,
            "init": SITES.or_("empty list", "empty tuple"), "fixed": FIXED, "checkpoint": PATH.or_("None"),
            "stepwise": THING.or_("None"),
        },
    )  # fmt: skip
    yield Verb(
        inference.select_components,
        {"x": X, "components": [1, 2], "structures": ["E"], "restarts": 2, "seed": 0},
        {
            "x": DATA, "components": COUNT.or_("set"), "family": PRIORS, "assignment": WEIGHTS, "structures": CHOICE.or_("None"),
            "criterion": CHOICE,
            "restarts": COUNT,
            "tolerance": NOT_NEGATIVE, "max_steps": COUNT, "seed": SEED, "backend": CHOICE, **OF_ROWS,
        },
    )  # fmt: skip
    small = {"x": X, "restarts": 2, "seed": 0}
    searched = {
        "x": DATA,
        "restarts": COUNT,
        "tolerance": NOT_NEGATIVE,
        "max_steps": COUNT,
        "seed": SEED,
        "backend": CHOICE,
    }
    yield Verb(
        inference.bootstrap_test,
        {**small, "mixture": MODEL, "components": 1, "replicates": 19},
        {**searched, "mixture": THING, "components": COUNT.or_("None", "set"), "replicates": COUNT, "level": SHARE},
    )
    yield Verb(
        inference.number_of_components,
        {**small, "model": MODEL, "components": [1, 2], "routes": ["criteria"], "folds": 2},
        {
            **searched, "model": THING, "components": COUNT.or_("set"), "routes": CHOICE.or_("empty list", "empty tuple"), "folds": COUNT,
            "posterior": THING.or_("None"), "row_weights": OF_ROWS["row_weights"],
        },
        untried=("smc", "nuts"),
    )  # fmt: skip
    yield Verb(inference.goodness_of_fit, {"fit": made.fit, "x": X}, {"fit": THING, "x": DATA})
    yield Verb(inference.merge_components, {"fit": made.fit, "x": X}, {"fit": THING, "x": DATA, "method": CHOICE})


def uncertainties(made: Results) -> Iterator[Verb]:
    fit = {"fit": made.fit, "x": X}
    yield Verb(
        inference.standard_errors,
        {**fit, "method": "sandwich"},
        {
            "fit": THING,
            "x": DATA,
            "method": CHOICE,
            "clusters": GROUP_NAMES,
            "level": SHARE,
            "fixed": THING.or_(*NOTHING),
            "equal": SITES,
        },
    )
    yield Verb(
        inference.bootstrap,
        {**fit, "kind": "weighted", "replicates": 2, "seed": 0},
        {
            "fit": THING, "x": DATA, "kind": CHOICE, "replicates": COUNT, "level": SHARE, "tolerance": NOT_NEGATIVE,
            "max_steps": COUNT, "fixed": THING.or_(*NOTHING), "seed": SEED,
        },
    )  # fmt: skip
    yield Verb(
        inference.profile,
        {**fit, "parameter": "loc", "component": 0},
        {
            "fit": THING, "x": DATA, "parameter": CHOICE, "component": COUNT_FROM_0, "level": SHARE, "fixed": THING.or_(*NOTHING),
        },
    )  # fmt: skip


def posteriors(made: Results) -> Iterator[Verb]:
    right = {"program": MODEL, "x": X, "seed": 0, "backend": "numpyro"}
    data = {"program": THING, "x": DATA, "seed": SEED, "backend": CHOICE, **OF_ROWS}
    yield Verb(
        inference.sample_nuts,
        {**right, "draws": 5, "tune": 5, "chains": 1, "progress": False},
        {
            **data, "draws": COUNT, "tune": COUNT, "chains": COUNT, "sampler": CHOICE, "init": INIT, "spread": FLAG.or_("None"),
            "target_accept": SHARE.or_("None"), "progress": OPTION, "predictive": FLAG, "assignments": FLAG,
            "log_likelihood": OPTION, "precision": CHOICE, "metric": CHOICE, "max_rows": COUNT.or_("None"),
            "store": PATH.or_("None"), "strict": FLAG,
        },
    )  # fmt: skip
    yield Verb(
        inference.sample_smc,
        {**right, "particles": 10, "runs": 1, "moves": 1, "progress": False},
        {**data, "particles": COUNT, "runs": COUNT, "moves": COUNT, "progress": OPTION},
    )
    yield Verb(
        inference.sample_telescope,
        {**right, "draws": 5, "tune": 5, "sweeps": 1, "chains": 1, "progress": False},
        {
            "program": THING, "x": DATA, "seed": SEED, "backend": CHOICE, "prior_on_components": THING.or_("None"), "draws": COUNT,
            "tune": COUNT, "sweeps": COUNT, "chains": COUNT, "assignments": FLAG, "log_likelihood": OPTION, "progress": OPTION,
            "store": PATH.or_("None"),
        },
    )  # fmt: skip
    counted = made.tree.copy()
    draws = made.tree["posterior"].to_dataset()
    counted["posterior"] = xr.DataTree(draws.assign(n_clusters=xr.full_like(draws["loc"][..., 0], 2, dtype=int)))
    yield Verb(
        inference.identify,
        {"posterior": counted, "seed": 0},
        {"posterior": THING, "clusters": COUNT.or_("None"), "by": CHOICE.or_("None"), "seed": SEED, **PROGRAM},
    )
    yield Verb(inference.fit_laplace, {**right, "draws": 5}, {**data, "init": INIT, "draws": COUNT})
    yield Verb(
        inference.fit_vi,
        {**right, "draws": 5, "steps": 5},
        {
            **data,
            "family": CHOICE,
            "init": INIT,
            "steps": COUNT,
            "batch": COUNT.or_("None"),
            "learning_rate": POSITIVE,
            "draws": COUNT,
        },
    )
    yield Verb(
        inference.resume,
        {"path": "no such store", "x": X},
        {"path": Kind(), "x": DATA, "program": THING.or_("None"), "progress": OPTION, "strict": FLAG},
    )
    yield Verb(inference.check_posterior, {"posterior": made.tree}, {"posterior": THING, **PROGRAM})


def computers(made: Results) -> Iterator[Verb]:
    yield Verb(inference.cluster, {}, {}, untried=("where",))  # a scope: tests/inference/sources/test_cluster.py


def assignments(made: Results) -> Iterator[Verb]:
    fit = {"fit": made.fit, "x": X}
    either = {"fit_or_posterior": made.fit, "x": X}
    yield Verb(
        inference.classify,
        {**either, "temperature": 1.5},
        {"fit_or_posterior": THING, "x": DATA, "temperature": NOT_NEGATIVE, "seed": SEED, "to": PATH.or_("None")},
    )
    yield Verb(inference.classify, {**either, "fit_or_posterior": inference.relabel(made.tree)}, PROGRAM)
    asked = {"correction": CHOICE, "assignment": CHOICE, "level": SHARE}
    yield Verb(
        inference.external,
        {**fit, "outcome": X[::-1]},
        {"fit": THING, "x": DATA, "outcome": THING, "kind": CHOICE.or_("None"), **asked},
    )
    yield Verb(
        inference.external,
        {**fit, "covariates": "v", "data": pd.DataFrame({"v": [0.0, 1.0, 0.5, 1.0, 0.0, 0.5]})},
        {"covariates": THING, "data": THING, "reference": SEED.or_("None")},
    )
    yield Verb(
        inference.name_components,
        {"result": made.fit, "names": ["a", "b"]},
        {"result": THING, "names": Kind(more={"one": lambda: ["a"], "same": lambda: ["a", "a"]})},
    )
    yield Verb(
        inference.responsibilities,
        either,
        {"fit_or_posterior": THING, "x": DATA, "interval": SHARE.or_("None"), "to": PATH.or_("None")},
    )
    yield Verb(
        inference.responsibilities,
        {**either, "fit_or_posterior": made.tree},
        {"x": DATA, "interval": SHARE.or_("None"), **PROGRAM},
    )
    yield Verb(inference.responsibilities, either, {"filtered": FLAG})
    yield Verb(
        inference.forecast,
        {"fit_or_posterior": made.chain, "steps": 2, "x": X, "draws": 5, "seed": 0},
        {"fit_or_posterior": THING, "steps": COUNT, "x": DATA, "draws": COUNT, "seed": SEED},
        ("program",),  # of draws alone
    )
    yield Verb(
        inference.group_classes,
        {"fit_or_posterior": made.levels, "x": GROUPED},
        {"fit_or_posterior": THING, "x": Kind(frozenset(), {"no groups": lambda: X, **DATA.more})},
        ("program",),  # of draws alone
    )
    yield Verb(
        inference.group_effects,
        {"fit_or_posterior": made.growth, "x": LINED},
        {"fit_or_posterior": THING, "x": Kind(frozenset(), {"no groups": lambda: X, **DATA.more})},
        ("program",),  # of draws alone
    )
    yield Verb(
        inference.pseudo_residuals,
        either,
        {"fit_or_posterior": THING, "x": DATA, "kind": CHOICE, "randomised": SEED.or_("None")},
    )
    yield Verb(inference.pseudo_residuals, {**either, "fit_or_posterior": made.tree}, PROGRAM)
    yield Verb(
        inference.impute,
        {**either, "draws": 1, "seed": 0},
        {
            "fit_or_posterior": THING, "x": Kind(DATA.takes | {"nan among numbers", "None among numbers"}, DATA.more),
            "draws": COUNT_FROM_0, "seed": SEED,
        },
    )  # fmt: skip
    yield Verb(inference.impute, {**either, "fit_or_posterior": made.tree}, PROGRAM)
    yield Verb(inference.certainty, either, {"fit_or_posterior": THING, "x": DATA})
    yield Verb(inference.certainty, {**either, "fit_or_posterior": made.relabelled}, PROGRAM)
    yield Verb(inference.log_likelihood, either, {"fit_or_posterior": THING, "x": DATA, "to": PATH.or_("None")})
    yield Verb(inference.log_likelihood, {**either, "fit_or_posterior": made.tree}, PROGRAM)
    yield Verb(
        inference.fit_guide,
        {**fit, "seed": 0},
        {"fit": THING, "x": DATA, "steps": COUNT, "learning_rate": POSITIVE, "seed": SEED},
    )
    yield Verb(
        inference.abstain,
        {"probabilities": made.responsibilities},
        {"probabilities": RESPONSIBILITIES, "threshold": SHARE},
    )
    yield Verb(
        inference.calibration_table,
        {"probabilities": made.responsibilities, "truth": LABELS},
        {"probabilities": RESPONSIBILITIES, "truth": CLUSTERS, "component": COMPONENT, "bins": COUNT, "level": SHARE},
    )


def labels(made: Results) -> Iterator[Verb]:
    tree = {"posterior": made.tree}
    rows = {"max_rows": COUNT.or_("None"), "seed": SEED, **PROGRAM}
    yield Verb(
        inference.relabel,
        {**tree, "max_rows": 4, "seed": 0},
        {"posterior": THING, "method": CHOICE, "pivot": PIVOT, "by": CHOICE.or_("None", "empty text"), **rows},
    )
    yield Verb(inference.relabel, {**tree, "method": "ordering"}, {"by": CHOICE.or_("None")})
    yield Verb(
        inference.diagnose_labels,
        {**tree, "max_rows": 4, "seed": 0},
        {"posterior": THING, "method": CHOICE.or_("None"), "pivot": PIVOT, "reference_fit": INIT, **rows},
    )
    fits = {"result": made.fit, "to": made.fit, "x": X}
    yield Verb(
        inference.align,
        fits,
        {"result": THING.or_("empty list", "empty tuple", "nested list"), "to": THING, "x": OBSERVED},
    )
    yield Verb(inference.match, fits, {"result": THING, "to": THING, "x": OBSERVED})
    trees = {"result": made.relabelled, "to": made.relabelled}
    yield Verb(inference.align, trees, PROGRAM)
    yield Verb(inference.match, trees, PROGRAM)


def partitions(made: Results) -> Iterator[Verb]:
    tree = {"posterior": made.tree}
    yield Verb(inference.similarity, tree, {"posterior": THING, "rows": ROWS, **PROGRAM})
    yield Verb(
        inference.partition,
        tree,
        {
            "posterior": THING, "loss": LOSS, "rows": ROWS, "seed": SEED, "restarts": COUNT, "max_clusters": COUNT.or_("None"),
            "level": SHARE, "similarity": OPTION, **PROGRAM,
        },
    )  # fmt: skip
    yield Verb(
        inference.cluster_parameters,
        {**tree, "partition": LABELS},
        {"posterior": THING, "partition": CLUSTERS, "seed": SEED, "backend": CHOICE, **PROGRAM},
    )
    yield Verb(inference.cluster_summary, {"x": X, "partition": LABELS}, {"x": DATA, "partition": CLUSTERS})


def files(made: Results) -> Iterator[Verb]:
    yield Verb(
        inference.save,
        {"result": made.fit, "path": "/no/such/folder/fit.json"},
        {"result": THING.or_("tree"), "path": PATH, "overwrite": FLAG},
    )
    yield Verb(inference.load, {"path": "no such file"}, {"path": Kind(), "x": OBSERVED, "program": THING.or_("None")})


def pictures(made: Results) -> Iterator[Verb]:
    ax = {"ax": AXES}
    draws = {"posterior": THING, "site": CHOICE, "feature": COUNT_FROM_0}
    one = {"group": CHOICE}
    tree = {"posterior": made.relabelled}
    yield Verb(plots.plot_losses, {"fit": made.fit}, {"fit": THING, **ax})
    yield Verb(plots.plot_gradient_norms, {"fit": made.climbed}, {"fit": THING, **ax})
    yield Verb(
        plots.plot_density, {"fit": made.fit, "x": X}, {"fit": THING, "x": DATA, **ax, "data": CHOICE, "points": COUNT}
    )
    two = np.column_stack([X, X[::-1]])
    wide = replace(
        made.fit,
        parameters={"weights": np.full(2, 0.5), "loc": two[:2], "scale": np.ones((2, 2))},
        origin=replace(made.fit.origin, program=mixtures.gaussian_mixture(2, "diag"), features=2),
    )
    yield Verb(
        plots.plot_ellipses,
        {"fit": wide, "x": two},
        {
            "fit": THING, "x": Kind(frozenset(), DATA.more), **ax, "classes": Kind(frozenset({"None"}), CLUSTERS.more),
            "features": PAIR, "standard_deviations": THING.or_("array", "set"),
        },
    )  # fmt: skip
    of_two = {"fit": THING, "x": Kind(frozenset(), DATA.more)}
    figure = {"figure": Kind(frozenset({"None"}), AXES.more)}
    yield Verb(plots.overview, {"fit": made.fit, "x": X}, {"fit": THING, "x": DATA})
    yield Verb(plots.plot_columns, {"fit": wide, "x": two}, {**of_two, **figure, "points": COUNT})
    yield Verb(plots.plot_pairs, {"fit": wide, "x": two}, {**of_two, **figure, "features": PAIR.or_("None")})
    yield Verb(plots.plot_profiles, {"fit": wide, "x": two}, {**of_two, **ax})
    yield Verb(plots.plot_weights, {"fit": made.fit, "x": X}, {"fit": THING, "x": DATA, **ax})
    yield Verb(plots.plot_certainty, {"fit": made.fit, "x": X}, {"fit": THING, "x": DATA, **ax})
    yield Verb(plots.plot_intervals, {"fit": made.fit}, {"fit": THING, **ax, "site": CHOICE.or_("None")})
    yield Verb(
        plots.plot_predictive,
        {"posterior": made.tree, "x": X},
        {"posterior": THING, "x": DATA, **ax, "feature": COUNT_FROM_0, "seed": SEED},
    )
    yield Verb(
        plots.plot_uncertain_rows,
        {"x": two, "probabilities": made.responsibilities},
        {"x": Kind(frozenset(), NAMED_DATA.more), "probabilities": RESPONSIBILITIES, **ax, "features": PAIR},
    )
    classes = mixtures.Mixture(2, families.Bernoulli())
    yield Verb(
        plots.plot_categories,
        {"fit": point_fit(classes, two > 1, {"weights": [0.5, 0.5], "probs": np.full((2, 2), 0.5)}), "x": two > 1},
        {**of_two, **ax},
    )
    line = mixtures.Observations(X, covariates=X)
    known = {"weights": [0.5, 0.5], "intercept": [0.0, 1.0], "slope": [[0.0], [1.0]], "scale": [1.0, 1.0]}
    yield Verb(
        plots.plot_regression,
        {"fit": point_fit(mixtures.regression_mixture(2), line, known), "x": line},
        {**of_two, **ax, "covariate": COUNT_FROM_0, "feature": COUNT_FROM_0},
    )
    yield Verb(plots.house_style, {}, {})
    yield Verb(
        plots.confidence_ellipse,
        {"mean": np.zeros(2), "covariance": np.eye(2), "ax": Figure().subplots()},
        {"mean": THING, "covariance": THING, "ax": Kind(frozenset(), AXES.more), "standard_deviations": POSITIVE},
        untried=("style",),  # matplotlib's
    )
    yield Verb(
        plots.plot_classes,
        {"x": X, "classes": LABELS, "probabilities": made.responsibilities},
        {"x": NAMED_DATA, "classes": CLUSTERS, "probabilities": RESPONSIBILITIES, **ax},
    )
    yield Verb(
        plots.plot_random_assignments,
        {"x": X, "assignments": LABELS},
        {"x": NAMED_DATA, "assignments": CLUSTERS, **ax, "components": COUNT.or_("None")},
    )
    yield Verb(
        plots.plot_guide,
        {"guide": made.guide, "x": X},
        {"guide": THING, "x": NAMED_DATA, **ax, "site": CHOICE.or_("None")},
    )
    yield Verb(
        plots.plot_pseudo_residuals,
        {"residuals": made.residuals},
        {"residuals": THING, "against": CHOICE, **ax},
    )
    yield Verb(plots.plot_path, {"x": X, "path": [0, 0, 0, 1, 1, 1]}, {"x": OBSERVED, "path": CLASSES, **ax})
    yield Verb(
        plots.plot_state_probabilities,
        {"probabilities": np.full((6, 2), 0.5)},
        {"probabilities": RESPONSIBILITIES, **ax},
    )
    yield Verb(plots.plot_model, {"fit": made.fit}, {"fit": THING, **ax})
    yield Verb(
        plots.plot_dwell_times,
        {"path": [0, 0, 1, 0], "transition": np.full((2, 2), 0.5)},
        {"path": CLASSES, "transition": THING, "sequence": Kind(frozenset({"None"})), **ax},
    )
    yield Verb(plots.plot_transition, {"transition": np.full((2, 2), 0.5)}, {"transition": THING, **ax})
    yield Verb(plots.plot_agreement, {"report": made.report}, {"report": THING, **ax})
    yield Verb(plots.plot_label_traces, tree, draws)
    yield Verb(plots.plot_mirrored_modes, tree, {**draws, **ax, "components": PAIR})
    yield Verb(
        plots.plot_point_process,
        {**tree, "y": "loc"},
        {
            "posterior": THING,
            **ax,
            "x": CHOICE,
            "y": CHOICE,
            "x_feature": COUNT_FROM_0,
            "y_feature": COUNT_FROM_0,
            **one,
        },
    )
    yield Verb(plots.plot_similarity, {"partition": made.partition}, {"partition": THING, **ax})
    yield Verb(
        plots.plot_row_uncertainty,
        {"partition": made.partition, "x": two},
        {"partition": THING, **ax, "x": Kind(frozenset({"None"}), NAMED_DATA.more), "features": PAIR},
    )
    yield Verb(plots.plot_location_pair, tree, {**draws, **ax, "components": PAIR, **one})
    yield Verb(plots.plot_traces, tree, {**draws, **ax, **one})
    yield Verb(
        plots.plot_selection, {"selection": made.selection}, {"selection": THING, **ax, "criterion": CHOICE.or_("None")}
    )
    merges = inference.merge_components(made.fit, X)
    yield Verb(
        plots.plot_merges,
        {"merges": merges},
        {"merges": THING, "figure": THING.or_("None"), "clusters": COUNT.or_("None"), "against": CHOICE},
    )
    count = inference.number_of_components(MODEL, X, [1, 2], routes=["criteria"], restarts=2, seed=0)
    yield Verb(plots.plot_component_count, {"count": count}, {"count": THING, "figure": THING.or_("None")})
    yield Verb(plots.colour, {"component": 0}, {"component": COUNT_FROM_0})


def words(made: Results) -> Iterator[Verb]:
    yield Verb(report.restarts_text, {"fit": made.fit}, {"fit": THING, "most": COUNT})
    yield Verb(inference.summary, {"posterior": made.tree}, {"posterior": THING, "group": CHOICE})
    yield Verb(report.summary_text, {"posterior": made.tree}, {"posterior": THING, "group": CHOICE})
    yield Verb(
        report.occupancy_text,
        {"classes": LABELS, "components": 2},
        {
            "classes": CLASSES,
            "components": COUNT,
        },
    )
    yield Verb(report.data_text, {"x": mixtures.Observations(X)}, {"x": NAMED_DATA})
    yield Verb(
        RunFolder.new,
        {"parent": "/dev/null", "name": "run"},
        {"parent": PATH, "name": Kind(PATH.takes, {**PATH.more, "slash": lambda: "a/b", "up": lambda: ".."})},
    )


def declarations(made: Results) -> Iterator[Verb]:
    own = {"weights": WEIGHTS, "priors": PRIORS, "components": COUNT}
    for name in mixtures.__all__:
        if name.endswith("_mixture") or name == "latent_class":
            call = getattr(mixtures, name)
            extra = {
                "covariance": COVARIANCE,
                "df": POSITIVE.or_("None"),
                "total_count": COUNT.or_("2**40", "None"),
                "categories": COUNT.or_("frame"),
                "kind": CHOICE,
                "formula": CHOICE.or_("None"),
                "data": THING.or_("None"),
                "common": COMMON,
                "random": AMONG.or_("empty list", "empty tuple", "empty array"),
            }
            kinds = {argument: {**own, **extra}[argument] for argument in inspect.signature(call).parameters}
            right = {"components": 2, "total_count": 3, "categories": 3}
            if name == "regression_mixture":  # most kinds have none
                kinds["categories"], right = COUNT.or_("None"), {"components": 2}
            yield Verb(call, {argument: right[argument] for argument in kinds if argument in right}, kinds)
    yield Verb(
        Mixture,
        {"components": 2, "family": families.Gaussian()},
        {
            "components": COUNT,
            "family": THING,
            "assignment": THING,
            "formula": THING.or_("None"),
            "covariate_names": THING.or_("empty tuple"),
        },
    )
    yield Verb(mixtures.declare, {"function": None}, {"function": THING})
    yield Verb(
        mixtures.simulate,
        {"program": MODEL, "size": 3, "seed": 0},
        {
            "program": THING,
            "size": SIZE,
            "seed": SEED,
            "given": SITES,
            "backend": CHOICE,
            "covariates": COVARIATES,
            "data": Kind(NAMED_ARRAYS.takes),
            "sequence": SERIES.or_("array", "structured array"),  # names of series for three rows
            "group": GROUP_NAMES.or_("array", "structured array"),
            **dict.fromkeys(("trials", "exposure", "errors"), OF_CELLS),
            "to": PATH.or_("None"),
        },
    )
    yield Verb(
        mixtures.source, {"data": X}, {"data": DATA, "columns": NAMES, "weights": THING.or_("None"), "missing": CHOICE}
    )
    chain = {"transition": CONCENTRATIONS, "initial": CONCENTRATIONS}
    yield Verb(mixtures.hidden_markov, {"components": 2}, {"components": COUNT, "family": THING.or_("None"), **chain})
    yield Verb(mixtures.assignments.Markov, {}, chain)
    yield Verb(mixtures.load_dataset, {"name": "iris"}, {"name": CHOICE})
    yield Verb(
        mixtures.Observations,
        {"x": X},
        {
            "x": NAMED_DATA,
            "feature_names": NAMES,
            "missing": CHOICE,
            "covariates": COVARIATES,
            **OF_ROWS,
            "data": NAMED_ARRAYS,
            "sequence": SERIES,
            "categories": THING.or_("None", "empty dict", "empty list", "empty tuple"),
            "group": GROUP_NAMES,
            **dict.fromkeys(("lower", "upper", "trials", "exposure", "errors"), OF_CELLS),
        },
    )
    yield Verb(weights.Dirichlet, {}, {"concentration": POSITIVE_NUMBERS})
    yield Verb(weights.Gating, {}, {"priors": PRIORS, "among": AMONG})
    yield Verb(mixtures.assignments.PerGroup, {}, {"weights": THING})
    yield Verb(
        mixtures.assignments.GroupClasses,
        {},
        {"classes": COUNT, "weights": POSITIVE_NUMBERS, "probs": POSITIVE},
    )
    yield Verb(mixtures.assignments.GroupWeights, {}, {"priors": PRIORS})


def all_families(made: Results) -> Iterator[Verb]:
    right = {
        "total_count": 3, "categories": 3, "kind": "ordinal", "low": 0.0, "high": 9.0,
        "family": families.Gaussian(), "members": [families.Gaussian()], "columns": {"a": families.Gaussian()},
    }  # fmt: skip
    counts = {"family": families.Poisson()}
    of_counts = {"ZeroInflated": counts, "ZeroInflatedPoisson": counts, "Hurdle": counts}
    kinds = {
        "covariance": COVARIANCE, "df": POSITIVE.or_("None"), "total_count": COUNT.or_("2**40", "None"), "categories": COUNT,
        "kind": CHOICE, "priors": PRIORS,
        "low": NUMBER.or_("10**30", "1.5", "array", "minus inf") , "high": NUMBER.or_("array", "-1", "0", "-10**30", "inf"),
        "whole": FLAG, "value": NUMBER, "at": NUMBER,
        "family": THING, "members": THING, "columns": THING, "covariates": COUNT.or_("None"), "common": COMMON,
        "among": AMONG.or_("empty list", "empty tuple", "empty array"),
        "random": AMONG.or_("empty list", "empty tuple", "empty array"),
    }  # fmt: skip
    for name in families.__all__:
        call = getattr(families, name)
        if name in ("Columns", "Family", "Parts"):  # to be derived from, or to be said by such
            continue
        parameters = list(inspect.signature(call).parameters)
        yield Verb(
            call,
            {argument: right[argument] for argument in parameters if argument in right} | of_counts.get(name, {}),
            {a: kinds[a] for a in parameters},
        )


def all_priors(made: Results) -> Iterator[Verb]:
    right = {
        "Beta": (1.0, 1.0),
        "Dirichlet": (1.0,),
        "Gamma": (1.0,),
        "InducedDirichlet": (1.0,),
        "InverseGamma": (1.0,),
        "RootInverseGamma": (1.0,),
        "StudentT": (3.0,),
    }
    for name, call in vars(priors).items():
        if name[0].isupper() and getattr(call, "__name__", "") == name and inspect.isfunction(call):
            made_of = call(*right.get(name, ()))
            for argument, value in made_of.parameters:
                positive = argument in priors.POSITIVE_NUMBERS
                kind = POSITIVE_NUMBERS if positive else NUMBERS
                others = dict(made_of.parameters)
                yield Verb(call, others | {argument: value}, {argument: kind})


GROUPS = (
    point_fits,
    uncertainties,
    posteriors,
    computers,
    assignments,
    labels,
    partitions,
    files,
    pictures,
    words,
    declarations,
    all_families,
    all_priors,
)
