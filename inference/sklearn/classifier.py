"""MixtureClassifier: which class does a row belong to, where each class is a component, or a mixture of its own?"""

from typing import Any

import numpy as np
from scipy.special import log_softmax
from sklearn.base import ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from inference.assignment.log_likelihood import log_likelihood
from inference.assignment.responsibilities import log_joint
from inference.results import PointFit
from inference.sklearn.translation import MixtureEstimator, counted, declaration, seed_of
from inference.status import Status
from mixtures import Observations
from mixtures.checks import check_choice, check_count
from mixtures.errors import DataError, ModelError, in_words
from mixtures.families import Family
from mixtures.seeds import derived

METHODS = ("em", "map")

Fitted = tuple[tuple[PointFit, ...], np.ndarray]
"""The fits, and the probabilities of the classes, (classes,)."""


class MixtureClassifier(ClassifierMixin, MixtureEstimator):
    """Discriminant analysis by mixtures: Bayes' rule with a density for each class.

    With one component a class, all classes are one mixture whose labels are known. Estimated are the components' parameters, each from the
    rows of its class (where the covariance structure shares them, from all rows), and the classes' weights; of Gaussians by EM in closed
    form. `"full"` is quadratic discriminant analysis with maximum likelihood covariances, `"tied"` linear discriminant analysis, the other
    structures are eigenvalue decomposition discriminant analysis (EDDA). Rows of unknown class, see `unlabelled`, have their say in each
    class in proportion to its probability.

    With several, each class is fitted by itself, a mixture of as many components (MclustDA). Nothing is shared between classes: in mixture
    discriminant analysis as Hastie & Tibshirani have it, all subclasses of all classes have one covariance.

    Args:
        components_per_class: the number of components of each class.
        family, covariance, priors, restarts, missing, backend, options, random_state: as for `MixtureModel`.
        method: `"em"` (maximum likelihood) or `"map"` (posterior mode, whose priors keep covariances regular where rows are few).
        class_priors: the classes' probabilities, in the order of `classes_`; None: their shares of the rows.
        unlabelled: the value of y that means that the class is unknown, -1 say; None: all classes are known. For one component a class.

    Attributes:
        classes_: the classes, sorted.
        class_prior_: their probabilities.
        fits_: the `PointFit` of all classes, component k being class k; or with more components a class, one for each class.
        n_iter_: steps of the best start, the most of any fit.
        converged_: whether every fit converged.
        n_features_in_, feature_names_in_: the columns of the fitted data, and their names if they had any.

    Source: Bensmail & Celeux (1996); Fraley & Raftery (2002), section 5; Hastie & Tibshirani (1996).

    Example:
        >>> rows, classes = [[0.0], [1.0], [2.5], [4.0], [5.0], [6.5]], ["a", "a", "a", "b", "b", "b"]
        >>> model = MixtureClassifier(covariance="tied").fit(rows, classes)
        >>> model.predict([[2.0], [4.5]]).tolist()
        ['a', 'b']
    """

    def __init__(
        self,
        components_per_class: int = 1,
        family: str | Family = "gaussian",
        covariance: str = "full",
        *,
        priors: Any = None,
        class_priors: Any = None,
        unlabelled: Any = None,
        method: str = "em",
        restarts: int = 10,
        missing: str = "raise",
        backend: str = "numpyro",
        options: dict[str, Any] | None = None,
        random_state: Any = None,
    ):
        self.components_per_class = components_per_class
        self.family = family
        self.covariance = covariance
        self.priors = priors
        self.class_priors = class_priors
        self.unlabelled = unlabelled
        self.method = method
        self.restarts = restarts
        self.missing = missing
        self.backend = backend
        self.options = options
        self.random_state = random_state

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> "MixtureClassifier":
        """Fit a density to each class.

        Args:
            X: (rows, features).
            y: the class of each row, (rows,), or `unlabelled`.
            sample_weight: how often each row counts, (rows,): a row of weight 2 is a row that is there twice.

        Returns:
            The classifier itself. A ConvergenceWarning says what is wrong with a fit that did not converge.

        Raises:
            DataError, ModelError, ChoiceError, SeedError (all of them ValueErrors): bad arguments, or too few rows of a class.
        """
        check_choice("method", self.method, METHODS)
        components = check_count("components_per_class", self.components_per_class)
        X, y = validate_data(self, X, y, ensure_min_samples=2, **self._reading())
        check_classification_targets(y)
        of_rows = {} if sample_weight is None else {"row_weights": np.asarray(sample_weight)}
        x = counted(self._observations(X, labels=self._labels(y), **of_rows))
        self._check_labels(x.labels, components)
        given = self._class_priors()
        fit_classes = self._fit_together if components == 1 else self._fit_apart
        self.fits_, found = fit_classes(x, given, seed_of(self.random_state))
        self.class_prior_ = found if given is None else given
        self.n_iter_ = max(1, *(len(fit.losses) - 1 for fit in self.fits_))
        self.converged_ = all(fit.status is Status.CONVERGED for fit in self.fits_)
        return self

    def _labels(self, y: np.ndarray) -> np.ndarray:
        """The classes as numbers from 0, and -1 where the class is unknown."""
        is_known = np.array([value != self.unlabelled for value in y.tolist()])
        self.classes_, numbers = np.unique(y[is_known], return_inverse=True)
        labels = np.full(len(y), -1)
        labels[is_known] = numbers
        return labels

    def _check_labels(self, labels: np.ndarray, components: int) -> None:
        """Check that there are rows enough of every class, and rows of unknown class only where they can be used.

        Raises:
            DataError: too few rows of a class, or no class.
            ModelError: rows of unknown class beside several components a class, or beside given class priors that the method cannot hold.
        """
        if not len(self.classes_):
            raise DataError("y", got="rows of unknown class alone", expected="rows of at least one class")
        rows = np.bincount(labels[labels >= 0], minlength=len(self.classes_))
        if rows.min() < components:
            raise DataError(
                "y",
                got=f"{rows.min()} distinct rows that count of class {in_words(self.classes_[rows.argmin()].item())}",
                expected=f"at least {components} of every class, as many as it has components",
                advice="Leave the class out, or ask for fewer components_per_class.",
            )
        if (labels >= 0).all():
            return
        if components > 1:
            raise ModelError(
                "components_per_class",
                got=f"{components}, and rows of unknown class",
                expected="1: only then are a mixture's labels classes",
                advice="Leave these rows out.",
            )
        if self.class_priors is not None and self.method != "em":
            raise ModelError(
                "class_priors",
                got=f"some, rows of unknown class, and method {self.method!r}",
                expected="method 'em', which holds the classes' weights while it learns from these rows",
            )

    def _class_priors(self) -> np.ndarray | None:
        """The given probabilities of the classes."""
        if self.class_priors is None:
            return None
        given = np.asarray(self.class_priors, dtype=np.float64)
        if given.shape != self.classes_.shape or not (given > 0).all() or not np.isclose(given.sum(), 1.0):
            raise ModelError(
                "class_priors",
                got=in_words(self.class_priors),
                expected=f"{len(self.classes_)} probabilities > 0 that add up to 1, in the order of {in_words(self.classes_.tolist())}",
            )
        return given

    def _fit_together(self, x: Observations, given: np.ndarray | None, seed: int) -> Fitted:
        """One mixture of all classes, and its weights: a component a class, labels known."""
        mixture = declaration(len(self.classes_), self.family, self.covariance, self.priors, None)
        is_certain = self.method == "em" and (x.labels >= 0).all()  # nothing is left to chance
        held = {} if given is None or self.method != "em" else {"fixed": {"weights": given}}
        restarts = 1 if is_certain else self.restarts
        fit = self._point_fit(mixture, x, seed=seed, restarts=restarts, **held, **self._options)
        return (fit,), fit.parameters["weights"]

    def _fit_apart(self, x: Observations, given: np.ndarray | None, seed: int) -> Fitted:
        """A mixture for each class, and the classes' shares of the rows."""
        mixture = declaration(self.components_per_class, self.family, self.covariance, self.priors, None)
        each = [x.take(x.labels == label).with_labels(None) for label in range(len(self.classes_))]
        fits = [
            self._point_fit(mixture, rows, seed=derived(seed, "class", label), restarts=self.restarts, **self._options)
            for label, rows in enumerate(each)
        ]
        shares = np.array([rows.times.sum() for rows in each])
        return tuple(fits), shares / shares.sum()

    def predict_log_proba(self, X: Any) -> np.ndarray:
        """log P(class c | row i), (rows, classes)."""
        check_is_fitted(self)
        x = self._new_rows(X)
        # P(c | x) is proportional to P(c) p(x | c)
        if self.components_per_class == 1:
            (fit,) = self.fits_
            densities = log_joint(fit, x) - np.log(fit.parameters["weights"])
        else:
            densities = np.column_stack([log_likelihood(fit, x) for fit in self.fits_])
        return log_softmax(densities + np.log(self.class_prior_), axis=1)

    def predict_proba(self, X: Any) -> np.ndarray:
        """P(class c | row i), (rows, classes), in the order of `classes_`."""
        return np.exp(self.predict_log_proba(X))

    def predict(self, X: Any) -> np.ndarray:
        """The most probable class of each row, (rows,)."""
        best = self.predict_log_proba(X).argmax(axis=1)
        return self.classes_[best]
