"""Mixtures as scikit-learn's estimators, for its pipelines, grid searches and cross-validation; scikit-learn is an extra.

The only idea is translation: a constructor's arguments become a declaration and a verb, `X`, `y` and `sample_weight` become `Observations`,
results become attributes with a trailing underscore. What is computed is what the verbs compute.
"""

from importlib.util import find_spec

from mixtures.errors import BackendError

if find_spec("sklearn") is None:
    raise BackendError(
        "inference.sklearn",
        got="no package scikit-learn",
        expected="scikit-learn, whose estimators these are",
        advice="Run: pip install 'bayes-mixtures[sklearn]'",
    )

from inference.sklearn.classifier import MixtureClassifier
from inference.sklearn.model import MixtureModel

__all__ = ["MixtureClassifier", "MixtureModel"]
