"""What the verbs return: frozen, NumPy and pandas only, carrying what made them; as text and in a notebook, what a reader wants first."""

import functools
import platform
from dataclasses import dataclass, field, replace
from importlib import metadata
from typing import TYPE_CHECKING

import numpy as np

from inference.criteria import Criteria
from inference.html import paragraphs, table
from inference.parameter_table import heading, parameter_table, table_text
from inference.status import Status
from mixtures import Observations, Program, __version__
from mixtures.categories import Categories
from mixtures.errors import ModelError

if TYPE_CHECKING:
    import pandas as pd

SURE = 0.95
"""A probability from which a row counts as surely assigned."""

BACKEND_PACKAGES = {"numpyro": ("numpyro", "jax"), "pyro": ("pyro-ppl", "torch")}


@dataclass(frozen=True, eq=False)
class Origin:
    """What a result was made from.

    Args:
        program: the declaration, its hyperparameters written out.
        backend: `"numpyro"` or `"pyro"`.
        seed: the seed of the run.
        versions: of Python and the packages that did the work.
        fingerprint: of the data, see `Observations.fingerprint`.
        rows: the number of rows of the data.
        features: the number of their columns; None for data of shape (rows,).
        feature_names: the columns' names, or None.
        covariates: the number of covariates that the program depends on, or None.
        covariate_names: their names, or None.
        total_weight: the sum of the weights of rows that say anything; None where each row says something and counted once.
        component_names: what the components are called, or None; see `name_components`.
        categories: the names of categories, by column, or None; see `Observations`.
        groups: where groups of rows are assigned, and not rows, how many of them say anything; else None.
        group_names: where groups have parameters, their names; else None.
        known: which known numbers of rows the data came with: trials, exposure, errors.
    """

    program: Program
    backend: str
    seed: int
    versions: dict[str, str]
    fingerprint: str
    rows: int
    features: int | None
    feature_names: tuple[str, ...] | None
    covariates: int | None = None
    covariate_names: tuple[str, ...] | None = None
    total_weight: float | None = None
    component_names: tuple[str, ...] | None = None
    categories: Categories | None = None
    groups: int | None = None
    group_names: tuple[str | int | float, ...] | None = None
    known: tuple[str, ...] = ()

    @classmethod
    def of(cls, program: Program, x: Observations, backend: str, seed: int) -> "Origin":
        """The origin of a result that is being made."""
        depends = x.covariates is not None and (program.mixture is None or program.mixture.needs_covariates)
        covariates = (x.covariates.shape[1], x.covariate_names) if depends else (None, None)
        counts = x.counts
        total = None if counts is None else float(counts.sum())
        by_group = program.mixture is not None and program.mixture.assignment.unit == "group"
        groups = len(np.unique(x.group[x.informative])) if by_group else None
        keeps = program.mixture is not None and program.mixture.assignment.keeps_groups
        names = tuple(x.group_names.tolist()) if keeps and x.group_names is not None else None
        described = (x.fingerprint, len(x), x.features, x.feature_names, *covariates, total)
        made = cls(program, backend, seed, versions(backend), *described)
        return replace(made, categories=x.categories, groups=groups, group_names=names, known=x.known_numbers)


def versions(backend: str) -> dict[str, str]:
    """Versions of Python and of the packages behind a backend."""
    packages = ("numpy", *BACKEND_PACKAGES[backend])
    found = {name: _version(name) for name in packages}
    return {"bayes-mixtures": __version__, "python": platform.python_version(), **found}


@functools.cache
def _version(package: str) -> str:
    """A package's version, which is read from its files."""
    return metadata.version(package)


class _Made:
    """What every result says of its origin."""

    origin: Origin

    @property
    def program(self) -> Program:
        """The declaration, its hyperparameters written out."""
        return self.origin.program

    @property
    def backend(self) -> str:
        """The backend that ran."""
        return self.origin.backend

    @property
    def seed(self) -> int:
        """The seed of the run."""
        return self.origin.seed


@dataclass(frozen=True, eq=False)
class PointFit(_Made):
    """The best parameters found, and how they were found.

    Args:
        parameters: constrained values by site.
        dims: the name of each axis of each site: plates, such as `components`, then event axes, such as `features`.
        log_likelihood: log p(x | parameters), assignments summed out.
        log_posterior: log p(x, parameters); None for a fit that maximised the likelihood alone.
        classification_log_likelihood: log p(x, z | parameters) at the most probable assignments z; what ICL is made of.
        losses: what was minimised, before each step of the best restart, (steps,).
        gradient_norms: of every site's unconstrained coordinates, before each step, (steps,); empty for `fit_em`, whose steps follow no
            gradient.
        restarts: a table with one line a restart: seed, initial_objective, objective (both smaller is better), steps, status, occupancy
            (expected rows of each component), optimum (0 is the best; -1: none).
        status: how the best restart ended.
        free_parameters: the number of free parameters.
        origin: what the fit was made from.
        reason: why the fit did not converge, as far as the data tell, or that a simpler model says as much, a sentence; else empty.
        optima: parameters of each distinct sound optimum, (optima, ...) by site, the best first: row i is optimum i of `restarts`, with
            its components in any order; none where no restart is sound.
    """

    parameters: dict[str, np.ndarray]
    dims: dict[str, tuple[str, ...]]
    log_likelihood: float
    log_posterior: float | None
    classification_log_likelihood: float
    losses: np.ndarray
    gradient_norms: dict[str, np.ndarray]
    restarts: "pd.DataFrame"
    status: Status
    free_parameters: int
    origin: Origin
    optima: dict[str, np.ndarray] = field(default_factory=dict)
    reason: str = ""

    @property
    def component_axis(self) -> dict[str, int]:
        """For each site that has one value a component, the axis that runs over components."""
        return {name: dims.index("components") for name, dims in self.dims.items() if "components" in dims}

    @property
    def components(self) -> tuple[str, ...] | tuple[int, ...]:
        """The components' names, or their numbers 0, 1, ..."""
        if self.origin.component_names is not None:
            return self.origin.component_names
        axes = self.component_axis
        sizes = [self.parameters[name].shape[axis] for name, axis in axes.items()]
        mixture = self.program.mixture
        return tuple(range(mixture.components if mixture is not None else max(sizes, default=1)))

    def to_frame(self) -> "pd.DataFrame":
        """The parameters, a line for each number and a column for each component; see `parameter_table`.

        Example:
            >>> from inference import fit_em
            >>> from mixtures import gaussian_mixture
            >>> fit = fit_em(gaussian_mixture(2, "tied"), [0.0, 1.0, 10.0, 11.0, 12.0], restarts=5, seed=0)
            >>> fit.to_frame().loc["weights"].round(1).tolist()
            [0.6, 0.4]
        """
        return parameter_table(self)

    @property
    def sample_size(self) -> float:
        """n of the criteria, how many independent things were seen: the number of rows, one of weight 2 counting twice, and one that carries
        no information not at all; or of groups, where rows of a group share an assignment, or a class."""
        if self.origin.groups is not None:
            return self.origin.groups
        return self.origin.rows if self.origin.total_weight is None else self.origin.total_weight

    @property
    def criteria(self) -> Criteria:
        """What the information criteria are made of; they raise ModelError where row weights do not count rows."""
        return Criteria(
            self.log_likelihood,
            self.classification_log_likelihood,
            self.free_parameters,
            self.sample_size,
            self.origin.rows if self.origin.groups is None else self.origin.groups,
        )

    @property
    def aic(self) -> float:
        """Akaike (1974): -2 log L + 2 df; smaller is better."""
        return self.criteria.aic

    @property
    def bic(self) -> float:
        """Schwarz (1978): -2 log L + df log n, n = `sample_size`; smaller is better (mclust reports its negative)."""
        return self.criteria.bic

    @property
    def sabic(self) -> float:
        """Sclove (1987): -2 log L + df log((n + 2) / 24), n = `sample_size`; smaller is better."""
        return self.criteria.sabic

    @property
    def caic(self) -> float:
        """Bozdogan (1987): -2 log L + df (log n + 1), n = `sample_size`; smaller is better."""
        return self.criteria.caic

    @property
    def icl(self) -> float:
        """Biernacki, Celeux & Govaert (2000): -2 log p(x, z) + df log n at the most probable assignments z; smaller is better."""
        return self.criteria.icl

    def _head(self) -> list[str]:
        """How the fit ended, and how good it is, in a few lines."""
        statuses = self.restarts["status"].value_counts().items()
        tally = "".join(f"; {count} {status.word}" for status, count in statuses if not status.is_sound)
        try:
            bic = f"BIC {self.bic:.4f}"
        except ModelError:
            bic = "no BIC, since row weights do not count rows"
        return [
            f"{self.status.value}; best of {len(self.restarts)} restarts{tally}",
            *([self.reason] if self.reason else []),
            f"log likelihood {self.log_likelihood:.4f}, {bic}, {self.free_parameters} free parameters",
        ]

    def __str__(self) -> str:
        return "\n".join([*self._head(), table_text(self)])

    def __repr__(self) -> str:
        return f"<PointFit of {len(self.components)} components: {self.status.word}, log likelihood {self.log_likelihood:.4f}>"

    def _repr_html_(self) -> str:
        return paragraphs(self._head()) + table(parameter_table(self).rename(columns=heading))


@dataclass(frozen=True, eq=False)
class GuideFit(_Made):
    """Assignment probabilities learned by enumeration in the guide.

    Args:
        assignment_probs: probability of each component, (rows, components); by site if there are several assignments.
        losses: negative ELBO before each step and at the end, (steps + 1,). At the optimum it equals the negative log posterior density.
        gradient_norms: by assignment site, (steps,).
        status: converged, or max steps reached.
        origin: what the fit was made from.
    """

    assignment_probs: np.ndarray | dict[str, np.ndarray]
    losses: np.ndarray
    gradient_norms: dict[str, np.ndarray]
    status: Status
    origin: Origin

    def to_frame(self) -> "pd.DataFrame | dict[str, pd.DataFrame]":
        """The probabilities, a line for each row and a column for each component; by site if there are several assignments."""
        import pandas as pd

        if isinstance(self.assignment_probs, dict):
            return {name: pd.DataFrame(probs) for name, probs in self.assignment_probs.items()}
        return pd.DataFrame(self.assignment_probs, columns=self.origin.component_names)

    def __str__(self) -> str:
        probs = self.assignment_probs
        by_site = probs if isinstance(probs, dict) else {"assignment": probs}
        lines = [f"{self.status.value}; negative ELBO {self.losses[-1]:.4f} after {len(self.losses) - 1} steps"]
        for name, rows in by_site.items():
            sure = (rows.max(axis=1) > SURE).mean()
            expected = ", ".join(f"{count:.1f}" for count in rows.sum(axis=0))
            lines.append(
                f"{name}: expected rows of each component {expected}; {sure:.0%} of rows are surer than {SURE:.0%}"
            )
        return "\n".join(lines)

    def __repr__(self) -> str:
        return f"<GuideFit of {self.origin.rows} rows: {self.status.word}, negative ELBO {self.losses[-1]:.4f}>"

    def _repr_html_(self) -> str:
        return paragraphs(str(self).splitlines())
