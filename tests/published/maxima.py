"""Published maxima of likelihoods, and what belongs to them."""

import functools
import runpy

import numpy as np

import inference
from inference import PointFit
from mixtures import (
    Mixture,
    Observations,
    families,
    gaussian_mixture,
    hidden_markov,
    latent_class,
    load_dataset,
    regression_mixture,
)
from mixtures.assignments import Gating, PerGroup
from mixtures.families import Gaussian, Regression
from tests.published import column
from tests.published.cases import FOLDER, Case, Number, by_component, criteria, exact, numbers, table

STOUFFER_TOBY = {
    (1, 1, 1, 1): 42, (1, 1, 1, 2): 23, (1, 1, 2, 1): 6, (1, 1, 2, 2): 25, (1, 2, 1, 1): 6, (1, 2, 1, 2): 24,
    (1, 2, 2, 1): 7, (1, 2, 2, 2): 38,
    (2, 1, 1, 1): 1, (2, 1, 1, 2): 4, (2, 1, 2, 1): 1, (2, 1, 2, 2): 6, (2, 2, 1, 1): 2, (2, 2, 1, 2): 9, (2, 2, 2, 1): 2, (2, 2, 2, 2): 20,
}  # fmt: skip
"""Role conflict: answers to 4 situations. Stouffer & Toby (1951); Goodman (1974), table 1."""


@functools.cache
def carcinoma() -> dict[str, Number]:
    x = np.stack([values.astype(int) - 1 for values in table("carcinoma").values()], axis=1)
    fit = inference.fit_em(latent_class(3, 2), x, restarts=20, seed=0)
    patterns, counts = np.unique(x, axis=0, return_counts=True)
    expected = len(x) * np.exp(np.asarray(inference.log_likelihood(fit, patterns)))
    # of all patterns those that nobody showed have their expectation as a whole
    pearson = np.sum((counts - expected) ** 2 / expected) + len(x) - expected.sum()
    shares = np.sort(fit.parameters["weights"])
    found = exact(G2=2 * counts @ np.log(counts / expected), X2=pearson)
    return criteria(fit) | found | {f"share {k}": Number(float(share)) for k, share in enumerate(shares)}


@functools.cache
def survey() -> dict[str, Number]:
    """The five optima, the highest first."""
    columns = table("gss82")
    counts = columns.pop("count").astype(float)
    codes = [np.unique(values, return_inverse=True)[1] for values in columns.values()]
    sizes = [int(code.max()) + 1 for code in codes]
    x = Observations(np.stack(codes, axis=1).astype(float), row_weights=counts)
    fit = inference.fit_em(latent_class(3, sizes), x, restarts=300, tolerance=1e-10, seed=0)
    ends = fit.restarts.loc[fit.restarts["status"].map(lambda status: status.is_sound), "objective"]
    heights = np.sort(-ends.to_numpy())[::-1]
    # climbs to one maximum end some 1e-4 apart, two maxima some 0.1
    distinct = heights[np.append(True, np.diff(heights) < -0.01)]
    return {f"optimum {k}": Number(value) for k, value in enumerate(distinct)}


@functools.cache
def role_conflict() -> dict[str, Number]:
    patterns, counts = np.array(list(STOUFFER_TOBY)) - 1.0, np.array(list(STOUFFER_TOBY.values()), dtype=float)
    fit = inference.fit_em(latent_class(2, 2), Observations(patterns, row_weights=counts), restarts=10, seed=0)
    saturated = float(counts @ np.log(counts / counts.sum()))
    return {
        "G2": Number(2 * (saturated - fit.log_likelihood)),
        "degrees of freedom": Number(len(counts) - 1 - fit.free_parameters),
    }


@functools.cache
def waiting() -> dict[str, Number]:
    fit = inference.fit_em(gaussian_mixture(2, "tied"), load_dataset("faithful").x[:, 1], restarts=10, seed=0)
    return criteria(fit) | by_component(fit, "loc", "weights") | exact(scale=fit.parameters["scale"])


@functools.cache
def carbon_dioxide() -> dict[str, Number]:
    gnp, co2 = numbers("co2", "GNP", "CO2")
    fit = inference.fit_em(
        regression_mixture(2), Observations(co2, covariates=gnp), restarts=20, tolerance=1e-12, seed=0
    )
    return criteria(fit) | by_component(fit, "intercept", "slope", "scale", "weights")


@functools.cache
def parabola() -> dict[str, Number]:
    x, y = numbers("npreg", "x", "yn")
    return criteria(
        inference.fit_em(
            regression_mixture(2), Observations(y, covariates=np.column_stack([x, x**2])), restarts=10, seed=0
        )
    )


@functools.cache
def beta_blockers() -> dict[str, Number]:
    deaths, total, centre = numbers("betablocker", "Deaths", "Total", "Center")
    treated = (table("betablocker")["Treatment"] == "Treated").astype(float)
    x = Observations(deaths, covariates=treated, trials=total, group=centre)
    fits = {
        k: inference.fit_em(
            regression_mixture(k, "binomial", weights=PerGroup(), common=[0]), x, restarts=20, tolerance=1e-9, seed=0
        )
        for k in (2, 3)
    }
    return {f"log likelihood, {k} classes": Number(fit.log_likelihood) for k, fit in fits.items()}


@functools.cache
def patents() -> dict[str, Number]:
    counts, *covariates = numbers("patent", "Patents", "RDS", "lgRD")
    model = Mixture(3, Regression("poisson", among=[1]), Gating(among=[0]))
    x = Observations(counts, covariates=np.stack(covariates, axis=1))
    return criteria(inference.fit_em(model, x, restarts=20, tolerance=1e-10, seed=0))


@functools.cache
def lakes() -> dict[str, Number]:
    fit = inference.fit_em(gaussian_mixture(2, "E"), column("acidity"), restarts=10, seed=0)
    return criteria(fit) | {"-BIC": Number(-fit.bic), "-ICL": Number(-fit.icl)}


@functools.cache
def species() -> dict[str, Number]:
    x = Observations(load_dataset("iris").x, labels=np.repeat([0, 1, 2], 50))
    fit = inference.fit_em(gaussian_mixture(3, "VEV"), x, restarts=1, tolerance=1e-12, seed=0)
    errors = np.asarray(inference.classify(fit, x.x)) != x.labels
    unseen = float(np.sum(inference.log_likelihood(fit, x.x)))
    bic = fit.free_parameters * np.log(len(x)) - 2 * unseen
    return exact(errors=errors.sum(), parameters=fit.free_parameters) | {
        "log likelihood, species unseen": Number(unseen),
        "-BIC, species unseen": Number(-bic),
    }


@functools.cache
def earthquakes() -> dict[str, Number]:
    fit = inference.fit_em(
        hidden_markov(2, families.Poisson(), initial="stationary"), load_dataset("earthquakes"), restarts=5, seed=0
    )
    return criteria(fit)


@functools.cache
def earthquakes_of_a_free_beginning() -> dict[str, Number]:
    return criteria(
        inference.fit_em(hidden_markov(2, families.Poisson()), load_dataset("earthquakes"), restarts=5, seed=0)
    )


@functools.cache
def speed() -> dict[str, Number]:
    fit = inference.fit_em(hidden_markov(2), column("speed"), restarts=5, seed=0)
    order = np.argsort(-fit.parameters["loc"])
    transition = fit.parameters["transition"][order][:, order]
    return (
        criteria(fit)
        | by_component(fit, "loc", "scale")
        | {f"transition {i} to {j}": Number(float(transition[i, j])) for i in (0, 1) for j in (0, 1)}
    )


@functools.cache
def growth() -> dict[str, Number]:
    example = runpy.run_path(str(FOLDER.parents[1] / "examples" / "10_markov_switching.py"))
    x = example["lagged"](load_dataset("gnp").x)
    fit = inference.fit_mle(example["MODEL"], x, restarts=2, seed=0)
    lags = {f"lag {k}": Number(float(value)) for k, value in enumerate(fit.parameters["lag"], start=1)}
    scale = exact(log_scale=np.log(fit.parameters["scale"]))
    return criteria(fit) | by_component(fit, "loc") | scale | lags | _moves(fit, "loc")


@functools.cache
def federal_funds() -> dict[str, Number]:
    fit = inference.fit_em(
        hidden_markov(2, Gaussian("tied"), initial="stationary"),
        column("fedfunds"),
        restarts=10,
        tolerance=1e-13,
        seed=0,
    )
    return criteria(fit) | by_component(fit, "loc") | exact(scale=fit.parameters["scale"]) | _moves(fit, "loc")


@functools.cache
def returns() -> dict[str, Number]:
    y = column("areturns")
    fit = inference.fit_em(
        hidden_markov(2, Regression("gaussian"), initial="stationary"),
        Observations(y[1:], covariates=y[:-1]),
        restarts=10,
        tolerance=1e-13,
        seed=0,
    )
    return criteria(fit) | by_component(fit, "intercept", "slope", "scale") | _moves(fit, "intercept")


def _moves(fit: PointFit, site: str) -> dict[str, Number]:
    """The probabilities of moving to the first state, in the order of a site."""
    order = np.argsort(fit.parameters[site])
    moves = fit.parameters["transition"][order][:, order]
    return {"transition 0 to 0": Number(float(moves[0, 0])), "transition 1 to 0": Number(float(moves[1, 0]))}


MAXIMA = {
    "carcinoma": Case(
        "poLCA 1.6 (Linzer & Lewis 2011, JSS 42(10)), manual",
        "7 pathologists, 118 slides (Agresti 2002)",
        "3 latent classes",
        carcinoma,
        {
            "log likelihood": "-293.705", "AIC": "633.41", "BIC": "697.1357", "parameters": "23", "G2": "15.26171", "X2": "20.50336",
            "share 0": ".1817", "share 1": ".3736", "share 2": ".4447",
        },
        by=2e-5,
    ),
    "gss82": Case(
        "Linzer & Lewis (2011), table 1; the first is McCutcheon's (1987)",
        "General Social Survey 1982, 1202 answers",
        "3 latent classes, the five optima of 500 starts",
        survey,
        {
            "optimum 0": "-2754.545", "optimum 1": "-2755.617", "optimum 2": "-2755.739", "optimum 3": "-2762.005", "optimum 4": "-2762.231",
        },
    ),
    "waiting": Case(
        "mixtools (Benaglia, Chauveau, Hunter & Young 2009, JSS 32(6))",
        "waiting times of Old Faithful",
        "2 normals of one variance",
        waiting,
        {
            "log likelihood": "-1034.002", "weights 0": ".36085", "weights 1": ".63915", "loc 0": "54.61364", "loc 1": "80.09031",
            "scale": "5.86909",
        },
        by=2e-6,
    ),
    "CO2": Case(
        "mixtools, manual",
        "CO2 emission and gross national product of 28 countries (Hurn, Justel & Robert 2003)",
        "2 lines",
        carbon_dioxide,
        {
            "log likelihood": "-66.93977", "weights 0": ".245079", "weights 1": ".754921", "intercept 0": "1.415150", "slope 0": "0.676596",
            "intercept 1": "8.678987", "slope 1": "-0.023344", "scale 0": ".809389", "scale 1": "2.049315",
        },
        by=1e-5,
    ),
    "NPreg": Case(
        "flexmix (Leisch 2004, JSS 11(8))", "200 made rows", "2 parabolas", parabola, {"log likelihood": "-642.5451", "parameters": "9"}, by=3e-5
    ),
    "betablocker": Case(
        "flexmix (Grun & Leisch 2008, JSS 28(4))",
        "deaths under control and treatment in 22 centres (Yusuf et al. 1985)",
        "classes of centres, one effect of treatment",
        beta_blockers,
        {"log likelihood, 2 classes": "-181.3308", "log likelihood, 3 classes": "-159.3605"},
        by=1e-6,
    ),
    "patents": Case(
        "flexmix (Grun & Leisch 2008, JSS 28(4))",
        "patents of 70 firms (Wang, Cockburn & Puterman 1998)",
        "3 Poisson lines, weights by another covariate",
        patents,
        {"log likelihood": "-197.6753", "BIC": "437.8355", "parameters": "10"},
        by=2e-6,
    ),
    "acidity": Case(
        "mclust 6.1 (Scrucca, Fraley, Murphy & Raftery 2023)",
        "155 lakes (Crawford et al. 1992)",
        "2 normals of one variance",
        lakes,
        {"log likelihood": "-185.9493", "-BIC": "-392.0723", "-ICL": "-398.5554"},
        by=5e-5,
    ),
    "iris": Case(
        "mclust 6.1.3, MclustDA of type EDDA",
        "Fisher's irises, species known",
        "VEV, one component a species",
        species,
        {"log likelihood, species unseen": "-187.7097", "-BIC, species unseen": "-565.8236", "parameters": "38", "errors": "3"},
    ),
    "earthquakes": Case(
        "Zucchini, MacDonald & Langrock (2016), Hidden Markov Models for Time Series",
        "earthquakes a year, 1900 to 2006",
        "2 Poisson states, stationary",
        earthquakes,
        {"log likelihood": "-342.3183", "AIC": "692.6365", "BIC": "703.3278"},
    ),
    "earthquakes, free": Case(
        "Zucchini, MacDonald & Langrock (2016), Hidden Markov Models for Time Series",
        "earthquakes a year, 1900 to 2006",
        "2 Poisson states, the first free",
        earthquakes_of_a_free_beginning,
        {"log likelihood": "-341.8787"},
    ),
    "speed": Case(
        "depmixS4 (Visser & Speekenbrink 2010, JSS 36(7)), vignette",
        "439 response times (Dutilh et al. 2011)",
        "2 normal states",
        speed,
        {
            "log likelihood": "-88.73", "AIC": "191.5", "BIC": "220.1", "loc 0": "5.510", "loc 1": "6.385", "scale 0": ".192", "scale 1": ".244",
            "transition 0 to 0": ".916", "transition 0 to 1": ".084", "transition 1 to 0": ".116", "transition 1 to 1": ".884",
        },
        by=1e-5,
    ),
    "fedfunds": Case(
        "Stata 14, manual [TS] mswitch; the tests of statsmodels",
        "federal funds rate of the United States, quarters of 1954 to 2010",
        "2 states with means, one variance, stationary",
        federal_funds,
        {
            "log likelihood": "-508.63592", "loc 0": "3.70877", "loc 1": "9.556793", "scale": "2.107562", "transition 0 to 0": ".9820939",
            "transition 1 to 0": ".0503587",
        },
        by=1e-6,
    ),
    "growth": Case(
        "Hamilton (1989), Econometrica 57; the numbers are EViews', in the tests of statsmodels",
        "growth of the gross national product of the United States, 1951 to 1984",
        "switching mean, autoregression of order 4",
        growth,
        {
            "log likelihood": "-181.26339", "transition 0 to 0": ".754673", "transition 1 to 0": ".095915", "loc 0": "-.358811",
            "loc 1": "1.163516", "log scale": "-.262658", "lag 1": ".013486", "lag 2": "-.057521", "lag 3": "-.246983", "lag 4": "-.212923",
        },
        by=5e-6,
        is_slow=True,
    ),
    "role conflict": Case(
        "Goodman (1974), Biometrika 61",
        "216 answers to 4 situations (Stouffer & Toby 1951)",
        "2 latent classes",
        role_conflict,
        {"G2": "2.720", "degrees of freedom": "6"},
    ),
    "areturns": Case(
        "Stata 14, manual [TS] mswitch; the tests of statsmodels",
        "absolute returns of the S&P 500, weeks of 2004 to 2014",
        "2 states with lines on the week before and variances, stationary",
        returns,
        {
            "log likelihood": "-745.7977", "intercept 0": "0.7641424", "intercept 1": "1.972771", "slope 0": "0.0790744", "slope 1": "0.527953",
            "scale 0": "0.5895792", "scale 1": "1.605333", "transition 0 to 0": "0.7530865", "transition 1 to 0": "0.6825357",
        },
        by=1e-6,
    ),
}  # fmt: skip
"""By name."""
