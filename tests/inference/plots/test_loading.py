"""Loading the pictures draws nothing and loads no window system: pyplot comes with the first figure."""

import subprocess
import sys

import inference.plots

CODE = """
import sys, inference.plots
assert "matplotlib" not in sys.modules
[getattr(inference.plots, name) for name in inference.plots.__all__]
assert "matplotlib.pyplot" not in sys.modules
"""


def test_pyplot_is_not_loaded_before_a_figure_is_asked_for():
    subprocess.run([sys.executable, "-c", CODE], check=True)


def test_every_public_picture_has_a_docstring():
    for name in inference.plots.__all__:
        assert getattr(inference.plots, name).__doc__
