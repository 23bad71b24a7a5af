"""The model's answers about draws come from scipy in these tests: they are about labels, not about programs."""

import pytest

from tests.inference.labels import trees


@pytest.fixture(autouse=True)
def scipy_answers_for_the_model(monkeypatch):
    name = "inference.assignment.responsibilities"
    monkeypatch.setattr(f"{name}.draw_responsibilities", trees.draw_responsibilities)
    monkeypatch.setattr(f"{name}.draw_log_joint", trees.draw_log_joint)
    monkeypatch.setattr(f"{name}.responsibilities", trees.responsibilities)
