"""MixtureModel: which component does a row belong to, and how probable is it? A clusterer and a density by scikit-learn's rules."""

from dataclasses import replace
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import ClassNamePrefixFeaturesOutMixin, ClusterMixin, TransformerMixin
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from inference.assignment.log_likelihood import log_likelihood
from inference.assignment.responsibilities import responsibilities
from inference.checks import checked
from inference.criteria import Criteria
from inference.draws import parameters_of
from inference.labels.relabel import relabel
from inference.point.em.online import OnlineEM, check_online
from inference.point.em.settings import check_stepwise
from inference.posterior.nuts import sample_nuts
from inference.posterior.warnings import check_posterior
from inference.sklearn.translation import MixtureEstimator, declaration, seed_of
from inference.status import Status
from mixtures import Mixture, simulate
from mixtures.assignments import Assignment
from mixtures.checks import check_choice, check_count
from mixtures.families import Family
from mixtures.seeds import derived, generator

METHODS = ("em", "map", "nuts")


def _is_point_fit(model: "MixtureModel") -> bool:
    return model.method != "nuts"


def _is_by_em(model: "MixtureModel") -> bool:
    return model.method == "em"


class MixtureModel(ClassNamePrefixFeaturesOutMixin, TransformerMixin, ClusterMixin, MixtureEstimator):
    """A mixture as a clusterer, a density and a transformer.

    Args:
        components: the number of components.
        family: `"gaussian"`, or a family of `mixtures.families`; an array's columns are its columns, in order.
        covariance: of `"gaussian"`: `"full"`, `"tied"`, `"diag"`, `"spherical"`, one of mclust's fourteen codes, or `"factor-1"`, ...
        priors: of `"gaussian"`: `{site: prior}` in place of the defaults. EM climbs the likelihood alone, and does not see them.
        assignment: how the mixing weights are drawn; None: `assignments.Dirichlet(1.0)`.
        method: `"em"` (maximum likelihood, `fit_em`), `"map"` (posterior mode, `fit_map`), or `"nuts"` (the whole posterior: `sample_nuts` from
            the mode, relabelled; every probability and density is the mean over its draws).
        restarts: starts of the point fit; the best is kept.
        missing: `"raise"`, or `"allow"`: NaN marks a cell that was not observed, and drops out.
        backend: `"numpyro"` or `"pyro"`.
        options: further arguments of the method's verb by name: `{"max_steps": 500}` for EM, `{"draws": 500, "chains": 2}` for NUTS.
        random_state: an int, which is the verbs' seed; a RandomState; or None for NumPy's global one.
        learning_decay: of `partial_fit`, in (0.5, 1]: how fast its rate falls. 1 weighs all rows alike; less forgets earlier ones sooner.

    Attributes:
        fit_: the `PointFit`; with `"nuts"` the mode that the chains began from. Point fits are made of the distinct rows and their counts.
        posterior_: with `"nuts"` the relabelled draws, see `sample_nuts`; else None.
        labels_: the most probable component of each row of the fitted data, (rows,).
        n_iter_: steps of the best start.
        converged_: whether the fit converged; with `"nuts"`, whether `check_posterior` found nothing wrong.
        n_features_in_, feature_names_in_: the columns of the fitted data, and their names if they had any.

    Example:
        >>> model = MixtureModel(2, covariance="tied", restarts=5, random_state=0)
        >>> model.fit_predict([[0.0], [1.0], [10.0], [11.0], [12.0]]).tolist()
        [1, 1, 0, 0, 0]
        >>> model.fit_.parameters["loc"].round(3).tolist()
        [11.0, 0.5]
    """

    def __init__(
        self,
        components: int = 2,
        family: str | Family = "gaussian",
        covariance: str = "full",
        *,
        priors: Any = None,
        assignment: Assignment | None = None,
        method: str = "em",
        restarts: int = 10,
        missing: str = "raise",
        backend: str = "numpyro",
        options: dict[str, Any] | None = None,
        random_state: Any = None,
        learning_decay: float = 0.6,
    ):
        self.components = components
        self.family = family
        self.covariance = covariance
        self.priors = priors
        self.assignment = assignment
        self.method = method
        self.restarts = restarts
        self.missing = missing
        self.backend = backend
        self.options = options
        self.random_state = random_state
        self.learning_decay = learning_decay

    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "MixtureModel":
        """Fit the mixture.

        Args:
            X: (rows, features).
            y: ignored.
            sample_weight: how often each row counts, (rows,): a row of weight 2 is a row that is there twice.

        Returns:
            The model itself. A ConvergenceWarning says what is wrong with a fit that did not converge.

        Raises:
            DataError, ModelError, ChoiceError, SeedError (all of them ValueErrors): bad arguments.
        """
        check_choice("method", self.method, METHODS)
        mixture = self._declaration
        X = validate_data(self, X, ensure_min_samples=2, **self._reading())
        seed, options = seed_of(self.random_state), self._options
        of_rows = {} if sample_weight is None else {"row_weights": np.asarray(sample_weight)}
        x = self._observations(X, **of_rows)
        of_point_fit = options if self.method != "nuts" else {}
        self.fit_ = self._point_fit(mixture, x, seed=seed, restarts=self.restarts, **of_point_fit)
        self.n_iter_ = max(1, len(self.fit_.losses) - 1)
        self.converged_ = self.fit_.status is Status.CONVERGED
        self.posterior_ = None
        if self.method == "nuts":
            draws = sample_nuts(
                self.fit_.program, x, init=self.fit_, seed=seed, backend=self.backend, progress=False, **options
            )
            self.posterior_ = relabel(draws, seed=seed)
            self.converged_ = check_posterior(draws).is_sound
        self.labels_ = responsibilities(self._result, self._observations(X)).argmax(axis=1)
        self._online: OnlineEM | None = None
        return self

    @available_if(_is_by_em)
    def partial_fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> "MixtureModel":
        """Go on with more rows, by one step of online EM; of a model that is not fitted, `fit` with the first.

        After `fit`, its parameters are where the steps begin; its rows have no say in them.
        Statistics of the rows are averaged at the rate (n / N)^`learning_decay`, for n rows of the N that there were so far: (t + 2)^-a at the
        t-th step of as many rows each. The first rows must be enough to tell the components, and each later step's more than a handful. As
        earlier rows are gone, `fit_.log_likelihood`, and what is made of it, is NaN; `fit_.status` stays that of the first rows' fit.

        Args:
            X: (rows, features), other rows than before.
            y: ignored.
            sample_weight: as for `fit`.

        Returns:
            The model itself; components keep their numbers.

        Raises:
            DataError, ModelError, ChoiceError, SeedError (all of them ValueErrors): bad arguments; families whose statistics cannot be averaged
                while parameters move.

        Source: Cappe & Moulines (2009), equations 11 and 12; Liang & Klein (2009) for the rate.
        """
        alpha = check_stepwise(self.learning_decay, "learning_decay")
        is_first = not hasattr(self, "fit_")
        if is_first:
            first = self._observations(validate_data(self, X, ensure_min_samples=2, **self._reading()))
            check_online(self._declaration, first)  # before the fit, which takes long
            self.fit(X, sample_weight=sample_weight)
        X = validate_data(self, X, reset=False, **self._reading())
        of_rows = {} if sample_weight is None else {"row_weights": np.asarray(sample_weight)}
        x = checked(self.fit_.program, self._observations(X, **of_rows))
        self._online = OnlineEM.of(self.fit_, x, alpha) if self._online is None else self._online.after(x)
        if is_first:
            return self
        self.fit_ = replace(
            self.fit_,
            parameters=self._online.parameters,
            log_likelihood=np.nan,
            classification_log_likelihood=np.nan,
            optima={},
        )
        self.n_iter_ += 1
        self.labels_ = self.predict(X)
        return self

    @property
    def _declaration(self) -> Mixture:
        return declaration(self.components, self.family, self.covariance, self.priors, self.assignment)

    @property
    def _result(self) -> Any:
        """What verbs are to be asked with: the draws, or the fit."""
        return self.fit_ if self.posterior_ is None else self.posterior_

    @property
    def _n_features_out(self) -> int:
        return self.components

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(component k | row i), (rows, components): `inference.responsibilities`."""
        check_is_fitted(self)
        return responsibilities(self._result, self._new_rows(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable component of each row, (rows,)."""
        return self.predict_proba(X).argmax(axis=1)

    def transform(self, X: Any) -> np.ndarray:
        """The probabilities as features of the next step: `predict_proba`."""
        return self.predict_proba(X)

    def score_samples(self, X: Any) -> np.ndarray:
        """log p(row i), (rows,): with `"nuts"` under the posterior predictive density."""
        check_is_fitted(self)
        found = log_likelihood(self._result, self._new_rows(X))
        # of draws, the log of the mean of p(row | draw)
        return found if self.posterior_ is None else logsumexp(found, axis=(0, 1)) - np.log(found[..., 0].size)

    def score(self, X: Any, y: Any = None) -> float:
        """The mean of `score_samples`: greater is better, for cross-validation."""
        return float(self.score_samples(X).mean())

    @available_if(_is_point_fit)
    def bic(self, X: Any) -> float:
        """-2 log L + df log n of these rows; smaller is better. Of the fitted, and weighted, rows: `fit_.bic`."""
        return self._criteria(X).bic

    @available_if(_is_point_fit)
    def aic(self, X: Any) -> float:
        """-2 log L + 2 df of these rows; smaller is better. Of the fitted, and weighted, rows: `fit_.aic`."""
        return self._criteria(X).aic

    def _criteria(self, X: Any) -> Criteria:
        each = self.score_samples(X)
        return Criteria(float(each.sum()), np.nan, self.fit_.free_parameters, len(each), len(each))

    def sample(self, n_samples: int = 1) -> tuple[np.ndarray, np.ndarray]:
        """Draw new rows; with `"nuts"` from the posterior predictive distribution.

        Args:
            n_samples: how many.

        Returns:
            Rows (n_samples, features) and their components (n_samples,), by draw of the parameters.
        """
        check_is_fitted(self)
        count, seed = check_count("n_samples", n_samples), seed_of(self.random_state)
        if self.posterior_ is None:
            return self._simulated(self.fit_.parameters, count, seed)
        parameters = parameters_of(self.posterior_)
        draws = len(next(iter(parameters.values())))
        chosen = generator(seed, "sample").choice(draws, count)
        parts = [
            self._simulated({site: value[draw] for site, value in parameters.items()}, rows, derived(seed, int(draw)))
            for draw, rows in zip(*np.unique(chosen, return_counts=True), strict=True)
        ]
        return np.concatenate([rows for rows, _ in parts]), np.concatenate([labels for _, labels in parts])

    def _simulated(self, parameters: dict[str, np.ndarray], count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
        features = self.n_features_in_
        size = (int(count), features) if features > 1 else int(count)
        draws = simulate(self.fit_.program, size, seed, given=parameters, backend=self.backend)
        columns = [values for site, values in draws.items() if site not in parameters and site != "assignment"]
        rows = np.column_stack([draws["obs"]] if "obs" in draws else columns)
        return rows.astype(np.float64), draws["assignment"].astype(np.int64)
