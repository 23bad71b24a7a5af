"""What may be asked of a program, per backend: the Engine, and the plain values that it takes and gives.

Arrays are converted here and nowhere else: engines take NumPy and give NumPy, in float64 unless told otherwise.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Literal, Protocol, runtime_checkable

import numpy as np

from inference.engines.closed_form import Climb, EMProblem, State
from inference.engines.nuts_options import NutsOptions
from mixtures import Mixture, Observations, Program

Parameters = Mapping[str, np.ndarray]
"""Constrained values by site."""


ADAM_BETAS = (0.8, 0.99)
"""Adam's decay rates, as in Pyro's Gaussian mixture tutorial."""

GUIDE_BETAS = (0.5, 0.5)
"""Adam's decay rates for assignment probabilities: their gradient dies off exponentially, so a long memory of it stops the fit early.
On the five points of Pyro's tutorial, 200 steps end 2e-6 from the optimum with these, 2.3 with (0.8, 0.99)."""

FINAL_LEARNING_RATE = 1e-3
"""The last step's length as a share of the first one's: steps decay along a cosine, so that fits end at rest."""


@dataclass(frozen=True)
class Site:
    """One random variable of a program, as one trace of it shows.

    Args:
        name: the site's name.
        kind: a parameter, an assignment, or an observation.
        shape: of the site's value.
        dims: the name of each axis: plates, then event axes.
        is_real: whether the support is the whole real line (in each coordinate).
        is_discrete: whether the support is discrete.
        free: the number of free coordinates (a simplex of K has K - 1).
        categories: of an assignment, the number of components; else 0.
        is_simplex: whether values are positive and sum to one.
        spare: of the free coordinates, how many do not change the likelihood, and are no free parameters.
    """

    name: str
    kind: Literal["parameter", "assignment", "observed"]
    shape: tuple[int, ...]
    dims: tuple[str, ...]
    is_real: bool
    is_discrete: bool
    free: int
    categories: int = 0
    is_simplex: bool = False
    spare: int = 0

    @property
    def component_axis(self) -> int | None:
        """The axis that runs over components, if there is one."""
        return self.dims.index("components") if "components" in self.dims else None


@dataclass(frozen=True)
class Sites:
    """All random variables of a program."""

    all: tuple[Site, ...]

    @property
    def parameters(self) -> tuple[Site, ...]:
        """The continuous unknowns, in the program's order."""
        return tuple(site for site in self.all if site.kind == "parameter")

    @property
    def assignments(self) -> tuple[Site, ...]:
        """The discrete unknowns."""
        return tuple(site for site in self.all if site.kind == "assignment")

    @property
    def has_hub(self) -> bool:
        """Whether every assignment belongs to a row, so that rows are independent: then `log_joint` answers everything."""
        return len(self.assignments) > 0 and all(site.dims == ("rows",) for site in self.assignments)

    @property
    def is_trivial(self) -> bool:
        """Whether no row has a choice: every assignment has one category. NumPyro's enumeration refuses such programs."""
        return all(site.categories == 1 for site in self.assignments)

    @property
    def observed_is_discrete(self) -> bool:
        """Whether all that is observed is discrete."""
        return all(site.is_discrete for site in self.all if site.kind == "observed")

    def combinations(self) -> dict[str, np.ndarray]:
        """Every joint value of a row's assignments: by site, (combinations,); with one assignment, 0, ..., components - 1."""
        grid = np.indices([site.categories for site in self.assignments])
        return {site.name: values.reshape(-1) for site, values in zip(self.assignments, grid, strict=True)}

    def marginals(self, table: np.ndarray) -> dict[str, np.ndarray]:
        """Probabilities over joint values, (..., combinations), as each site's own, (..., components)."""
        sizes = [site.categories for site in self.assignments]
        grid = table.reshape(*table.shape[:-1], *sizes)
        axes = range(-len(sizes), 0)
        return {
            site.name: grid.sum(axis=tuple(other for other in axes if other != axis))
            for axis, site in zip(axes, self.assignments, strict=True)
        }

    @property
    def coordinates(self) -> int:
        """The number of free coordinates: the length of the unconstrained vector."""
        return sum(site.free for site in self.parameters)

    @property
    def free_parameters(self) -> int:
        """The number of free parameters, on which the likelihood depends: what information criteria count."""
        return sum(site.free - site.spare for site in self.parameters)


def with_spares(program: Program, sites: Sites) -> Sites:
    """The sites, knowing how many free coordinates the likelihood does not depend on: some models have one component's too many."""
    spare = program.spare_sites if isinstance(program, Mixture) else frozenset()
    return Sites(tuple(_without_one(site) if site.name in spare else site for site in sites.all))


def _without_one(site: Site) -> Site:
    """The site with one component's coordinates spare, where components have their own."""
    if site.component_axis is None:
        return site
    components = site.shape[site.component_axis]
    # values that add up to zero over components have the coordinates of one component less to begin with
    sets = components if site.free % components == 0 else components - 1
    return replace(site, spare=site.free // sets)


def run_arguments(program: Program, x: Observations) -> tuple[Program, dict[str, Any]]:
    """A program's structure and its run arguments: what is compiled, and what is passed to it.

    The numbers of a mixture's priors are run arguments, so that other numbers need no new compilation. Where cells are missing, `observed`
    says which are not; covariates go to the programs that need them (to every program of a user's own).
    """
    data: dict[str, Any] = {"x": x.x}
    if x.observed is not None:
        data["observed"] = x.observed
    if x.covariates is not None and (not isinstance(program, Mixture) or program.needs_covariates):
        data["covariates"] = x.covariates
    if isinstance(program, Mixture):
        known = {} if x.labels is None else {"labels": x.labels}
        return program.structure, {**data, "hyper": program.hyper(x), **known}
    return program, data


def rows_of(data: Mapping[str, Any], index: Any) -> dict[str, Any]:
    """The run arguments of some rows: whatever has one entry a row is indexed, the numbers of the priors are not."""
    return {name: value if isinstance(value, Mapping) else value[index] for name, value in data.items()}


def shapes_of(data: Any) -> Any:
    """The shapes in nested run arguments, hashable: with the structure, what a compiled program depends on."""
    if isinstance(data, Mapping):
        return tuple((key, shapes_of(value)) for key, value in data.items())
    return np.shape(data)


def component_sizes(sites: Iterable[Mapping[str, Any]], is_assignment: Callable[[Any], bool]) -> set[int]:
    """What a simplex over components has as its length: the plate `components`, or, without one, the assignments' categories."""
    sites = list(sites)
    plates = {frame.size for site in sites for frame in site["cond_indep_stack"] if frame.name == "components"}
    return plates or {int(site["fn"].support.upper_bound) + 1 for site in sites if is_assignment(site)}


def dims_of_event(
    declared: tuple[str, ...], name: str, shape: tuple[int, ...], is_simplex: bool, categories: set[int]
) -> tuple[str, ...]:
    """Names of a site's event axes: as declared, else `components` for a simplex of that size, else numbered."""
    if len(declared) == len(shape):
        return declared
    if is_simplex and len(shape) == 1 and shape[0] in categories:
        return ("components",)
    return tuple(f"{name}_dim_{axis}" for axis in range(len(shape)))


@dataclass(frozen=True, eq=False)
class Ascent:
    """What gradient steps from many starts gave; the leading axis of everything is the restart.

    Args:
        parameters: final constrained values by site, (restarts, ...).
        losses: negative log posterior density before each step, and after the last, (restarts, steps + 1).
        gradient_norms: of every site's unconstrained coordinates, before each step, (restarts, steps).
    """

    parameters: dict[str, np.ndarray]
    losses: np.ndarray
    gradient_norms: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class LogDensity:
    """A program's collapsed log density as a function of one unconstrained vector.

    Args:
        size: length of the vector.
        value_and_gradient: vector (size,) -> log density, gradient (size,).
        hessian: vector -> second derivatives of the log density, (size, size).
        constrain: vector -> constrained values by site.
        unconstrain: constrained values by site -> vector.
    """

    size: int
    value_and_gradient: Callable[[np.ndarray], tuple[float, np.ndarray]]
    hessian: Callable[[np.ndarray], np.ndarray]
    constrain: Callable[[np.ndarray], dict[str, np.ndarray]]
    unconstrain: Callable[[Parameters], np.ndarray]


@dataclass(frozen=True, eq=False)
class GuideAscent:
    """What enumeration in the guide gave.

    Args:
        probs: probabilities by assignment site, (rows, components).
        losses: negative ELBO at each step, (steps,).
        gradient_norms: by assignment site, (steps,).
    """

    probs: dict[str, np.ndarray]
    losses: np.ndarray
    gradient_norms: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Draws:
    """What a sampler gave, each array (chains, draws, ...)."""

    parameters: dict[str, np.ndarray]
    stats: dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Block:
    """Consecutive draws of some chains, and what the sampler needs to go on after them.

    Args:
        record: by name, (chains, draws, ...); empty in warm-up.
        state: the sampler's state, as a flat list of arrays.
    """

    record: dict[str, np.ndarray]
    state: list[np.ndarray]


@runtime_checkable
class BlockKeeper(Protocol):
    """Where a sampler leaves its blocks, and finds those of an earlier run."""

    def write(self, group: int, index: int, block: Block) -> None:
        """Keep block number `index` of a group of chains."""
        ...

    def read(self, group: int) -> list[Block]:
        """The blocks of a group of chains, from the first on."""
        ...


@dataclass(frozen=True, eq=False)
class VariationalDraws:
    """What a variational fit gave.

    Args:
        parameters: draws by site, (draws, ...).
        log_density: of the model, Jacobians included, at each draw, (draws,).
        log_proposal: of the variational family, (draws,).
        losses: negative ELBO at each step, (steps,).
    """

    parameters: dict[str, np.ndarray]
    log_density: np.ndarray
    log_proposal: np.ndarray
    losses: np.ndarray


@runtime_checkable
class Engine(Protocol):
    """What may be asked of a program. `parameters` are constrained values by site; `x` are checked observations."""

    name: str

    @property
    def is_on_cpu(self) -> bool:
        """Whether it computes on a CPU."""
        ...

    def sites(self, program: Program, x: Observations) -> Sites:
        """The program's random variables."""
        ...

    def log_joint(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """log p(x_i, assignment_i = k | parameters), shape (rows, components): the hub.

        With several assignments a row, k runs over `Sites.combinations`.
        """
        ...

    def log_joint_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """The hub for many parameter values at once: (draws, ...) by site -> (draws, rows, components)."""
        ...

    def log_prior_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """log p(parameters) for many parameter values at once, shape (draws,)."""
        ...

    def marginal_draws(self, program: Program, parameters: Parameters, x: Observations) -> np.ndarray:
        """log p(x | parameters), all assignments summed out, for many parameter values, shape (draws,); any program."""
        ...

    def prior_draw(self, program: Program, x: Observations, seed: int) -> dict[str, np.ndarray]:
        """One draw of every parameter from its prior."""
        ...

    def forward_draws(
        self, program: Program, parameters: Parameters, x: Observations, *, draws: int, seed: int
    ) -> dict[str, np.ndarray]:
        """Parameters and data of the shape of `x` drawn by the program itself, (draws, ...) by site.

        Given parameters, (draws, ...), are held: then the data are posterior predictive; with none they are prior predictive.
        """
        ...

    def log_density(
        self, program: Program, x: Observations, *, prior: bool = True, jacobian: bool = False
    ) -> LogDensity:
        """The collapsed log density of one unconstrained vector; with the Jacobian it is what a sampler needs."""
        ...

    def maximise(
        self,
        program: Program,
        x: Observations,
        starts: Parameters,
        scales: Parameters,
        *,
        steps: int,
        learning_rate: float,
    ) -> Ascent:
        """Gradient steps on AutoDelta's ELBO from every start; `scales` are step lengths by site, in the site's own shape."""
        ...

    def maximise_likelihood(
        self,
        program: Program,
        x: Observations,
        starts: np.ndarray,
        units: np.ndarray,
        *,
        optimizer: str,
        learning_rate: float,
        momentum: float,
        batches: np.ndarray | None,
        steps: int,
    ) -> Ascent:
        """Gradient steps on the mean negative log likelihood from every unconstrained start, (restarts, size).

        `units` are the coordinates' lengths; `batches` the rows of each step, (steps, batch), None for all. Losses are those of all rows,
        estimated from the batch.
        """
        ...

    def expected(self, program: Program, x: Observations, *, prior: bool) -> Callable[..., tuple[float, np.ndarray]]:
        """EM's expected log joint density: (vector, responsibilities (rows, components), fixed parameters by site) -> value, gradient."""
        ...

    def em(self, problem: EMProblem, states: State) -> Climb:
        """Closed-form EM from every state, (restarts, ...) by name."""
        ...

    def classify(
        self, program: Program, parameters: Parameters, x: Observations, *, temperature: int, seed: int
    ) -> dict[str, np.ndarray]:
        """Assignments by site, from the backend's infer_discrete at temperature 0 (joint mode) or 1 (a draw)."""
        ...

    def enumerate_guide(
        self, program: Program, parameters: Parameters, x: Observations, *, steps: int, learning_rate: float, seed: int
    ) -> GuideAscent:
        """Fit assignment probabilities in a guide that is enumerated, the parameters held fixed."""
        ...

    def nuts(
        self,
        program: Program,
        x: Observations,
        starts: Parameters,
        options: NutsOptions,
        *,
        progress: bool,
        sampler: str,
        store: BlockKeeper | None = None,
        is_stopped: Callable[[], bool] = lambda: False,
    ) -> Draws:
        """Collapsed NUTS, one chain from each start (chains, ...), by the sampler named: the backend's own, or nutpie.

        A sampler that works in blocks leaves them in `store`; one that can be stopped looks at `is_stopped` now and then.
        """
        ...

    def smc(
        self,
        program: Program,
        x: Observations,
        *,
        particles: int,
        runs: int,
        moves: int,
        least_effective: float,
        seed: int,
        progress: bool,
    ) -> tuple[Draws, np.ndarray]:
        """Tempered sequential Monte Carlo: particles (runs, particles, ...), and the log evidence of each run."""
        ...

    def variational(
        self,
        program: Program,
        x: Observations,
        start: Parameters,
        *,
        family: str,
        steps: int,
        learning_rate: float,
        draws: int,
        seed: int,
    ) -> VariationalDraws:
        """Fit a variational family to the collapsed posterior of the unconstrained vector, and draw from it."""
        ...
