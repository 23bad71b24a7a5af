"""Pictures of a fit show its losses and gradients as they are, on the axes that they are given."""

from dataclasses import replace

import matplotlib.pyplot as plt
import numpy as np
import pytest

from inference import plots
from mixtures.errors import ModelError


def test_losses_are_shown_step_by_step(five, guide):
    fit, _ = five
    for result in (fit, guide):
        ax = plots.plot_losses(result)
        assert np.array_equal(ax.lines[0].get_ydata(), result.losses)
        assert ax.get_yscale() == "linear"
        assert ax.get_xlabel() == "step"


@pytest.mark.parametrize(
    ("losses", "scale"), [([500.0, 2.0], "log"), ([500.0, -2.0], "linear"), ([np.nan, np.nan], "linear")]
)
def test_losses_are_on_a_log_scale_only_if_positive_and_decades_apart(guide, losses, scale):
    object.__setattr__(guide, "losses", np.array(losses))
    assert plots.plot_losses(guide).get_yscale() == scale
    plt.gcf().canvas.draw()  # ticks and all


def test_every_site_has_its_gradient_norms(five):
    fit, _ = five
    ax = plots.plot_gradient_norms(fit)
    assert [text.get_text() for text in ax.get_legend().get_texts()] == list(fit.gradient_norms)
    shown = ax.lines[0].get_ydata()
    assert np.array_equal(shown[:3], fit.gradient_norms["loc"][:3])
    assert np.isnan(shown[3])  # zero, on a log scale
    assert ax.get_yscale() == "log"


def test_a_fit_without_gradients_has_no_picture_of_them(five):
    fit, _ = five
    with pytest.raises(ModelError, match="a fit that climbed by gradient"):
        plots.plot_gradient_norms(replace(fit, gradient_norms={}))


def test_given_axes_are_drawn_on_and_no_figure_is_opened(five):
    fit, x = five
    figure, (above, middle, below) = plt.subplots(3)
    assert plots.plot_losses(fit, above) is above
    assert plots.plot_gradient_norms(fit, middle) is middle
    assert plots.plot_density(fit, x, below) is below
    assert plt.get_fignums() == [figure.number]
