"""Mixtures as scikit-learn's estimators, for its pipelines, grid searches and cross-validation; scikit-learn is an extra.

The only idea is translation: a constructor's arguments become a declaration and a verb, `X`, `y` and `sample_weight` become `Observations`,
results become attributes with a trailing underscore. What is computed is what the verbs compute.
"""

from mixtures.errors import BackendError

try:
    from sklearn.utils.validation import validate_data  # noqa: F401  # what the oldest version that will do has
except ImportError as error:
    raise BackendError(
        "inference.sklearn",
        got="no package scikit-learn, or one before 1.6",
        expected="scikit-learn, whose estimators these are",
        advice="Run: pip install 'bayes-mixtures[sklearn]'",
    ) from error

from inference.sklearn.classifier import MixtureClassifier
from inference.sklearn.model import MixtureModel

__all__ = ["MixtureClassifier", "MixtureModel"]
