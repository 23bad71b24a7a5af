"""What the relabelling methods need, got from the posterior's tree and its model, so that nobody has to make a matrix.

The raw draws are read, whether or not the tree has been relabelled. Responsibilities and log densities come from the
declared program; everything is computed when first asked for, and only for the chosen rows.
"""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Optional

import numpy as np
import xarray as xr
from jaxtyping import Float, Int

from inference.assignment import responsibilities as model
from inference.backends import engine
from inference.checks import check_tree
from inference.draws import backend_of, observations_of, program_of, sampled_assignments, whole
from inference.labels.exchange import groups_of
from inference.labels.permutations import identity
from mixtures.assignments import TO
from mixtures.errors import DataError
from mixtures.exchangeable import Groups

Rows = Int[np.ndarray, " rows"]


def raw_tree(posterior: Any) -> xr.DataTree:
    """The tree with the draws as they were sampled in its group `posterior`."""
    _with_components(check_tree(posterior)["posterior"].to_dataset())
    posterior = whole(posterior)
    groups = {name: node for name, node in posterior.children.items() if name not in ("posterior_raw", "relabelling")}
    groups["posterior"] = (
        posterior["posterior_raw"] if "posterior_raw" in posterior.children else posterior["posterior"]
    )
    tree = xr.DataTree.from_dict({name: node.to_dataset() for name, node in groups.items()})
    tree.attrs = dict(posterior.attrs)
    return tree


def _with_components(draws: xr.Dataset) -> xr.Dataset:
    """The draws, if they are of components.

    Raises:
        DataError: they are not.
    """
    if "components" not in draws.dims:
        raise DataError(
            "posterior",
            got=f"dims {', '.join(map(str, draws.dims))}",
            expected="a dim 'components'",
            advice="There are no labels to switch in a model without components.",
        )
    return draws


def permutations_of(posterior: xr.DataTree, components: int) -> Int[np.ndarray, "draws components"]:
    """Each draw's permutation, as `relabel` kept it.

    Raises:
        DataError: it is not there, or is none of so many components.
    """
    kept = posterior["relabelling"].to_dataset().get("permutation")
    if kept is not None and set(kept.dims) == {"chain", "draw", "components"}:
        table = kept.transpose("chain", "draw", "components").values.reshape(-1, kept.sizes["components"])
        if table.dtype.kind in "iu" and np.array_equal(np.sort(table, axis=1), identity(len(table), components)):
            return table
    raise DataError(
        "posterior",
        got="a group 'relabelling' without a permutation of the components for each draw",
        expected="the group as relabel made it",
        advice="Drop the group, and relabel again.",
    )


@dataclass(frozen=True, eq=False)
class Evidence:
    """The raw draws, seen as arrays with chains and draws in one.

    Args:
        tree: a tree from `raw_tree`.
        rows: which rows to look at; None means all.
        whole: the evidence of all components, where this is of some.
        group: these components' numbers. What a method sees of them is what it would see of all, less the columns of the
            others, whose cost no permutation within the group can change.
    """

    tree: xr.DataTree
    rows: Rows | None = None
    whole: Optional["Evidence"] = None
    group: tuple[int, ...] | None = None

    def within(self, group: tuple[int, ...]) -> "Evidence":
        """The evidence of some components; a label i among them is the group's i-th."""
        return self if len(group) == self.components else replace(self, whole=self, group=group)

    @cached_property
    def groups(self) -> Groups:
        """The groups of components that may be exchanged."""
        return groups_of(self.tree, self.components)

    @cached_property
    def draws(self) -> xr.Dataset:
        """The group `posterior`."""
        return _with_components(self.tree["posterior"].to_dataset())

    @property
    def shape(self) -> tuple[int, int]:
        """Chains and draws a chain."""
        return self.draws.sizes["chain"], self.draws.sizes["draw"]

    @property
    def components(self) -> int:
        """How many components are looked at; K, unless they are some."""
        return len(self.members)

    @property
    def members(self) -> list[int]:
        """Their numbers."""
        return list(range(self.draws.sizes["components"]) if self.group is None else self.group)

    def numbered(self, labels: Int[np.ndarray, "*batch"]) -> Int[np.ndarray, "*batch"]:
        """Labels by number of component as labels within the group, -1 for components outside it."""
        if self.group is None:
            return labels
        position = np.full(self.draws.sizes["components"], -1, dtype=labels.dtype)
        position[self.members] = np.arange(len(self.members))
        return position[labels]

    def most_probable(self, table: Float[np.ndarray, "*batch components"]) -> Int[np.ndarray, "*batch"]:
        """The most probable label under responsibilities of all components, -1 where that is none of the group."""
        return self.numbered(table.argmax(axis=-1))

    @cached_property
    def responsibilities(self) -> Float[np.ndarray, "draws rows components"]:
        """P(row has label k) in each draw, from the model; they sum to less than 1 where there are other components."""
        if self.whole is not None:
            return self.whole.responsibilities[:, :, self.members]
        table = np.asarray(model.draw_responsibilities(self.tree, rows=self.rows))
        if table.shape[2] != self.components:
            raise DataError(
                "posterior",
                got=f"{table.shape[2]} joint values of a row's assignments for {self.components} components",
                expected="one assignment a row",
                advice="Relabelling is defined for models in which a row belongs to one component.",
            )
        return table

    @cached_property
    def assignments(self) -> Int[np.ndarray, "draws rows"]:
        """The sampled assignments if the draws have any, else each row's most probable label; -1 outside the group."""
        if self.whole is not None:
            return self.numbered(self.whole.assignments)
        if self.sampled is None:
            return self.responsibilities.argmax(axis=2).astype(np.int16)
        labels = _flat(self.draws[self.sampled].transpose("chain", "draw", ...)).astype(np.int16)
        labels = labels.reshape(len(labels), -1)
        return labels if self.rows is None else labels[:, self.rows]

    @property
    def sampled(self) -> str | None:
        """The name of the sampled assignments, if the draws have any."""
        return next(iter(sampled_assignments(self.tree)), None)

    @cached_property
    def is_of_rows(self) -> bool:
        """Whether assignments are of the rows of the data; else they are of groups of rows, or of what else a program says."""
        if "program" not in self.tree.attrs:
            return True
        sites = engine(backend_of(self.tree)).sites(program_of(self.tree), observations_of(self.tree))
        return sites.has_hub or not sites.has_table

    @property
    def units(self) -> int:
        """How many assignments there are: of the rows, or of what else has one."""
        if self.is_of_rows:
            return self.tree["observed_data"].sizes["rows"]
        return (self.whole or self).responsibilities.shape[1]

    @cached_property
    def observations(self) -> Float[np.ndarray, "rows features"]:
        """The data of every assignment.

        Raises:
            DataError: assignments are not of rows.
        """
        if not self.is_of_rows:
            raise DataError(
                "posterior",
                got=f"{self.units} assignments that are not of the rows",
                expected="an assignment for each row of the data",
                advice="Take a method that looks at parameters or probabilities: 'ecr', 'stephens', 'pra'.",
            )
        obs = self.tree["observed_data"]["obs"].transpose("rows", ...).values.astype(float)
        obs = obs.reshape(len(obs), -1)
        return obs if self.rows is None else obs[self.rows]

    @cached_property
    def sites(self) -> dict[str, xr.DataArray]:
        """The variables that describe components, (chain, draw, components, ...); what describes pairs of them has no columns of its own."""
        described = {
            str(name): variable.transpose("chain", "draw", "components", ...)
            for name, variable in self.draws.data_vars.items()
            if "components" in variable.dims and not {"rows", TO} & set(variable.dims)
        }
        return {name: variable for name, variable in described.items() if variable.dtype.kind in "fiu"}

    @cached_property
    def parameters(self) -> Float[np.ndarray, "draws components columns"]:
        """All of them side by side."""
        return np.concatenate([self.columns(name) for name in self.sites], axis=2)

    def columns(self, site: str) -> Float[np.ndarray, "draws components columns"]:
        """One of them, its further dims in one."""
        values = _flat(self.sites[site])
        return values.reshape(*values.shape[:2], -1)[:, self.members].astype(float)

    @cached_property
    def log_density(self) -> Float[np.ndarray, " draws"] | None:
        """Log posterior density of each draw: without Jacobians, as a fit has it, if the tree keeps `log_posterior`,
        else the sampler's own, `lp`; None if it keeps neither.
        """
        has_stats = "sample_stats" in self.tree.children
        stats = self.tree["sample_stats"].to_dataset() if has_stats else xr.Dataset()
        kept = [name for name in ("log_posterior", "lp") if name in stats]
        return _flat(stats[kept[0]].transpose("chain", "draw")) if kept else None

    def log_joint(self, parameters: Float[np.ndarray, "components columns"]) -> Float[np.ndarray, "rows components"]:
        """Log p(x_row, z_row = k) at given parameters; whatever else there is stays at its posterior mean."""
        values, start = {}, 0
        for name, variable in self.sites.items():
            width = self.columns(name).shape[2]
            table = variable.mean(["chain", "draw"]).values.astype(float)
            table[self.members] = parameters[:, start : start + width].reshape(-1, *table.shape[1:])
            values[name] = xr.DataArray(table, dims=variable.dims[2:]).transpose(*self.dims(name)).values
            start += width
        return np.asarray(model.draw_log_joint(self.at(values), rows=self.rows))[0][:, self.members]

    def classified_draw(self, draw: int) -> Int[np.ndarray, " rows"]:
        """Each row's most probable label in one draw."""
        return self.most_probable((self.whole or self).responsibilities[draw])

    def classified_at(self, values: dict[str, np.ndarray]) -> Int[np.ndarray, " rows"]:
        """Each row's most probable label at given values of the sites."""
        return self.most_probable(np.asarray(model.draw_responsibilities(self.at(values), rows=self.rows))[0])

    def columns_at(self, values: dict[str, np.ndarray]) -> Float[np.ndarray, "components columns"]:
        """`parameters` at given values of the sites."""
        tables = [xr.DataArray(values[name], dims=self.dims(name)).transpose("components", ...) for name in self.sites]
        columns = [table.values.reshape(table.sizes["components"], -1)[self.members] for table in tables]
        return np.concatenate(columns, axis=1).astype(float)

    def dims(self, site: str) -> list[str]:
        """The dims of a site's value, in the program's order."""
        return [str(dim) for dim in self.draws[site].dims if dim not in ("chain", "draw")]

    def at(self, values: dict[str, np.ndarray]) -> xr.DataTree:
        """A tree of one draw: the given values, and the posterior mean of every site that is not given."""
        one = self.draws.drop_vars(sampled_assignments(self.tree)).isel(chain=[0], draw=[0])
        means = self.draws[list(one.data_vars)].mean(["chain", "draw"])
        tables = {str(name): values.get(str(name), means[name].values) for name in one.data_vars}
        tree = self.tree.copy(deep=False)
        new = {
            name: (("chain", "draw", *self.dims(name)), np.asarray(table)[None, None]) for name, table in tables.items()
        }
        tree["posterior"] = xr.DataTree(xr.Dataset(new, coords=one.coords, attrs=one.attrs))
        return tree


def _flat(variable: xr.DataArray) -> np.ndarray:
    """Chains and draws in one, in C order."""
    values = variable.values
    return values.reshape(-1, *values.shape[2:])
