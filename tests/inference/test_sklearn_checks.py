"""The estimators keep scikit-learn's rules: all checks of its own, as they are made, and by slower methods where tests may take long."""

import pytest
from sklearn.utils.estimator_checks import check_dataframe_column_names_consistency, parametrize_with_checks

from inference.sklearn import MixtureClassifier, MixtureModel

pytestmark = [
    # some checks fit data that no mixture can describe, or under global settings that are not set here
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning"),
]


@pytest.mark.quick("MixtureModel()-*", "MixtureClassifier()-check_classif*", reason="both estimators are of one base")
@parametrize_with_checks([MixtureModel(), MixtureClassifier()])
def test_an_estimator_keeps_the_rules(estimator, check):
    check(estimator)


OTHERS = [
    MixtureModel(method="map", restarts=2),
    MixtureClassifier(method="map", restarts=2),
    MixtureClassifier(components_per_class=2, restarts=2),
]


def too_few_rows(estimator):
    """Checks of data that an estimator refuses in words."""
    is_several = getattr(estimator, "components_per_class", 1) > 1
    reason = "one distinct row of a class is no mixture of two components"
    return {"check_sample_weight_equivalence_on_dense_data": reason} if is_several else {}


@pytest.mark.slow
@parametrize_with_checks(OTHERS, expected_failed_checks=too_few_rows)
def test_so_it_does_by_other_methods(estimator, check):
    check(estimator)


@pytest.mark.parametrize("estimator", [MixtureModel(), MixtureClassifier()], ids=str)
def test_columns_of_other_names_or_in_another_order_are_refused(estimator):
    check_dataframe_column_names_consistency(type(estimator).__name__, estimator)
