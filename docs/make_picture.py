"""The picture of the README, docs/_static/picture.png: `python docs/make_picture.py`."""

from pathlib import Path

import matplotlib.pyplot as plt

import inference
from inference import plots
from mixtures import Observations, gaussian_mixture, load_dataset

FILE = Path(__file__).parent / "_static" / "picture.png"


def main() -> None:
    """A fit over its data, and labels before and after they are mended."""
    figure, axes = plt.subplot_mosaic("ab;ac", figsize=(10, 4), layout="constrained", width_ratios=(1, 1.2))
    faithful = load_dataset("faithful")
    fit = inference.fit_em(gaussian_mixture(2), faithful, restarts=20, seed=0)
    plots.plot_ellipses(fit, faithful, axes["a"], classes=inference.classify(fit, faithful))
    axes["a"].set_title("Old Faithful, two components")
    axes["a"].get_legend().remove()

    galaxies = Observations(load_dataset("galaxies").x / 1000)
    sampled = inference.sample_nuts(
        gaussian_mixture(3), galaxies, draws=500, tune=500, chains=4, seed=1, progress=False
    )
    relabelled = inference.relabel(sampled)
    for name, group, title in (("b", "posterior_raw", "as sampled"), ("c", "posterior", "relabelled")):
        plots.plot_traces(relabelled, axes[name], group=group)
        axes[name].set_title(f"galaxies, three means, four chains: {title}")
    axes["b"].set_xlabel("")
    figure.savefig(FILE, dpi=90)
    plt.close(figure)


if __name__ == "__main__":
    main()
