"""Growth of the United States' gross national product, 1951 to 1984: Hamilton's model of booms and recessions.

Growth is autoregressive around a mean that switches between two states s_t of a hidden Markov chain (Hamilton 1989, Econometrica 57):

    y_t - mu[s_t] = sum_i phi_i (y_{t-i} - mu[s_{t-i}]) + e_t,    e_t ~ Normal(0, scale),    i = 1, ..., 4

A row depends on the states of five quarters. So the component of a row is the history of its states, one of 2^5, and a chain goes from
history to history: neither a family nor a law of the package, but a family and a law of ten lines each, which every verb takes. The published
maximum is found again: log likelihood -181.26339, means -0.3588 and 1.1635, P(a recession goes on) = 0.7547.

Run `python examples/10_markov_switching.py`; the picture goes to figures/.
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, ClassVar

import matplotlib.pyplot as plt
import numpy as np

import inference
from inference import plots
from mixtures import Mixture, Observations, load_dataset, priors
from mixtures.assignments import Chain, chains
from mixtures.assignments.chain import begins
from mixtures.families import Family, Parts
from mixtures.priors import GivenPriors, Prior, override

STATES, LAGS = 2, 4
HISTORIES = STATES ** (LAGS + 1)
STATE = np.array(np.unravel_index(np.arange(HISTORIES), (STATES,) * (LAGS + 1)))
"""STATE[i, k] is the state i quarters ago in history k."""
PRIORS = {"loc": priors.Normal(0.0, 3.0), "lag": priors.Normal(0.0, 0.5), "scale": priors.LogNormal(0.0, 1.0)}
FOLLOWS = (STATE[1:, None, :] == STATE[:-1, :, None]).all(axis=0)
"""Which history may follow which: the same quarters, one further back."""


@dataclass(frozen=True)
class Histories(Chain):
    """The law: histories of states, which follow one another as states do."""

    title: ClassVar = "A Markov-switching autoregression"

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return {"transition": priors.Dirichlet(1.0)}

    def draw(self, ppl: Any, draw: Any, components: int, rows: Any) -> dict[str, Any]:
        matrix = {"shape": (STATES,), "event": (STATES,), "dims": ("states", "next_state")}
        return {"transition": draw("transition", **matrix)}

    def run(self, ppl: Any, values: Any, rows: Any, size: int, observe: Any, data: Any) -> Any:
        transition = ppl.xp.exp(self.log_transition(ppl.xp, values, rows))
        initial = self.initial_probs(ppl.xp, values)
        return ppl.chain("assignment", initial, transition, begins(ppl.xp, rows, size), observe, data)

    def start(self, components: int, rows: Any, rng: np.random.Generator) -> dict[str, np.ndarray]:
        stay = rng.uniform(0.6, 0.95, STATES)
        return {"transition": np.array([[stay[0], 1 - stay[0]], [1 - stay[1], stay[1]]])}

    def kinds(self, components: int) -> Sequence[int]:
        return range(components)  # no history is like another

    def initial_probs(self, xp: Any, values: Any) -> Any:
        # the earliest state is of the stationary distribution, and the later ones follow it
        probs = chains.stationary(xp, values["transition"])[STATE[LAGS]]
        for ago in range(LAGS, 0, -1):
            probs = probs * values["transition"][STATE[ago], STATE[ago - 1]]
        return probs

    def log_transition(self, xp: Any, values: Any, rows: Any) -> Any:
        moves = values["transition"][STATE[0][:, None], STATE[0][None, :]]
        possible = xp.asarray(FOLLOWS)
        return xp.where(possible, xp.log(xp.where(possible, moves, xp.ones_like(moves))), xp.full_like(moves, -np.inf))

    def permuted(self, values: Any, permutation: np.ndarray) -> Any:
        return values


@dataclass(frozen=True)
class Autoregression(Family):
    """The family: a row given the history of its states, and the rows before it as covariates."""

    priors: GivenPriors = ()

    @property
    def priors_by_site(self) -> Mapping[str, Prior]:
        return override(PRIORS, self.priors)

    def parts(self) -> Parts:
        every = frozenset(
            range(HISTORIES)
        )  # none is like another, none has parameters of its own, some may have no quarter
        return Parts(
            components=HISTORIES,
            distinct_components=every,
            parameter_free_components=every,
            with_covariates=lambda _: self,
        )

    def shared(self, ppl: Any, draw: Any, features: int | None) -> dict[str, Any]:
        return {
            "loc": draw("loc", shape=(STATES,), dims=("states",)),
            "lag": draw("lag", shape=(LAGS,), dims=("lags",)),
            "scale": draw("scale"),
        }

    def per_component(self, ppl: Any, draw: Any, features: int | None) -> dict[str, Any]:
        return {}

    def emission(self, ppl: Any, parameters: Mapping[str, Any], features: int | None) -> Any:
        loc, lag = parameters["loc"], parameters["lag"]
        # mu[s_t] - sum_i phi_i mu[s_{t-i}] of every history
        level = loc[STATE[0]] - ppl.xp.sum(lag[:, None] * loc[STATE[1:]], axis=0)
        mean = level[parameters["assignment"]] + ppl.xp.sum(parameters["covariates"] * lag, axis=-1)
        return ppl.dist.Normal(mean, parameters["scale"])

    def start(self, x: Any, rows: Any, components: int, covariates: Any = None) -> dict[str, np.ndarray]:
        rng = np.random.default_rng(np.asarray(rows))
        return {
            "loc": np.sort(rng.normal(x.mean(), x.std(), STATES)),
            "lag": rng.normal(0.0, 0.1, LAGS),
            "scale": np.asarray(x.std() * rng.uniform(0.5, 1.0)),
        }

    def check(self, x: Observations) -> None:
        """Any real numbers will do."""


MODEL = Mixture(HISTORIES, Autoregression(), Histories())


def lagged(y: np.ndarray) -> Observations:
    """The rows that have four before them, with these as covariates."""
    return Observations(y[LAGS:], covariates=np.column_stack([y[LAGS - i : -i] for i in range(1, LAGS + 1)]))


def of_state(table: np.ndarray, state: int) -> np.ndarray:
    """P(s_t = state) of each row, from the probabilities of histories."""
    return np.asarray(table)[:, STATE[0] == state].sum(axis=1)


def main(argv: Sequence[str] | None = None) -> None:
    """From growth rates to recessions.

    Args:
        argv: arguments of the command; None takes the process's.
    """
    parser = argparse.ArgumentParser(description="Hamilton's Markov-switching autoregression.")
    parser.add_argument("--out", type=Path, default=Path("figures"), help="folder of the picture")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--restarts", type=int, default=4)
    args = parser.parse_args(argv)
    args.out.mkdir(parents=True, exist_ok=True)
    growth = load_dataset("gnp").x
    x = lagged(growth)

    fit = inference.fit_mle(MODEL, x, restarts=args.restarts, seed=args.seed)
    loc, transition = fit.parameters["loc"], fit.parameters["transition"]
    low = int(np.argmin(loc))
    print(f"{fit.status}: log likelihood {fit.log_likelihood:.5f}, published -181.26339")
    print(f"growth a quarter: {loc[low]:.4f} % in recessions, {loc[1 - low]:.4f} % in booms")
    print(f"P(a recession goes on) = {transition[low, low]:.4f}, P(a boom ends) = {transition[1 - low, low]:.4f}")

    figure, (above, below) = plt.subplots(2, 1, figsize=(10, 5.5), layout="constrained", sharex=True)
    quarter = 1951.25 + 0.25 * np.arange(len(growth))
    above.plot(quarter, growth, color=plots.colour(0))
    above.set_ylabel("growth, % a quarter")
    for filtered, style, label in ((True, ":", "known at the time"), (False, "-", "known in hindsight")):
        probability = of_state(inference.responsibilities(fit, x, filtered=filtered), low)
        below.plot(quarter[LAGS:], probability, style, color=plots.colour(1), label=label)
    below.set(ylabel="P(recession)", ylim=(0, 1))
    below.legend(loc="upper center")
    figure.savefig(args.out / "10_recessions.png", dpi=120)
    plt.close(figure)


if __name__ == "__main__":
    main()
