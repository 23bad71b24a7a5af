"""Programs that a user might declare: one whose components share a parameter, one with two assignments a row, one beyond the hub."""

from mixtures import declare


@declare
def shared_rate(ppl, x):
    """Poisson components around a common rate: each has its own factor on it."""
    base = ppl.sample("base", ppl.dist.Gamma(4.0, 1.0))
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        factor = ppl.sample("factor", ppl.dist.LogNormal(0.0, 1.0))
    with ppl.plate("rows", len(x)):
        z = ppl.assign("assignment", weights)
        ppl.sample("obs", ppl.dist.Poisson(base * factor[z]), obs=x)


@declare
def two_assignments(ppl, x):
    """Each row has a group and, on its own, a noise level."""
    groups = ppl.sample("groups", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    levels = ppl.sample("levels", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(3)))
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
    scale = ppl.sample("scale", ppl.dist.LogNormal(0.0, 0.5))
    with ppl.plate("rows", len(x)):
        group = ppl.assign("group", groups)
        level = ppl.assign("level", levels)
        ppl.sample("obs", ppl.dist.Normal(loc[group], scale * (1.0 + level)), obs=x)


@declare
def common_regime(ppl, x):
    """One assignment for all rows: rows are not independent, so the hub does not apply."""
    weights = ppl.sample("weights", ppl.dist.Dirichlet(2.0 * ppl.xp.ones(2)))
    with ppl.plate("components", 2):
        loc = ppl.sample("loc", ppl.dist.Normal(0.0, 3.0))
    z = ppl.assign("regime", weights)
    with ppl.plate("rows", len(x)):
        ppl.sample("obs", ppl.dist.Normal(loc[z], 1.0), obs=x)
