"""All fourteen covariance structures are declared in the program, with as many free parameters as the literature counts, the geometry that
their letters promise, and the density of the multivariate normal, in both backends."""

import re

import numpy as np
import pytest
from scipy import stats

from inference.backends import engine
from mixtures import Mixture, Observations, gaussian_mixture, simulate
from mixtures.errors import ChoiceError
from mixtures.families import StudentT
from mixtures.families.covariance import STRUCTURES
from mixtures.ppl.rotation import coordinates_of, matrix_of

ROWS, FEATURES, COMPONENTS = 40, 3, 3

# Celeux & Govaert (1995), table 1
COVARIANCE_PARAMETERS = {
    "EII": lambda k, d: 1,
    "VII": lambda k, d: k,
    "EEI": lambda k, d: d,
    "VEI": lambda k, d: k + d - 1,
    "EVI": lambda k, d: 1 + k * (d - 1),
    "VVI": lambda k, d: k * d,
    "EEE": lambda k, d: d * (d + 1) // 2,
    "VEE": lambda k, d: k + (d - 1) + d * (d - 1) // 2,
    "EVE": lambda k, d: 1 + k * (d - 1) + d * (d - 1) // 2,
    "VVE": lambda k, d: k + k * (d - 1) + d * (d - 1) // 2,
    "EEV": lambda k, d: 1 + (d - 1) + k * d * (d - 1) // 2,
    "VEV": lambda k, d: k + (d - 1) + k * d * (d - 1) // 2,
    "EVV": lambda k, d: 1 + k * (d - 1) + k * d * (d - 1) // 2,
    "VVV": lambda k, d: k * d * (d + 1) // 2,
}


def data(features=FEATURES):
    return Observations(np.random.default_rng(0).normal(size=(ROWS, features)) * (1.0, 20.0, 0.1, 1.0)[:features])


def prior_draw(code, components=COMPONENTS, features=FEATURES, seed=1):
    program = gaussian_mixture(components, code).scaled_to(data(features))
    drawn = simulate(program, (ROWS, features), seed=seed, backend="pyro")
    return program, {name: value for name, value in drawn.items() if name not in ("assignment", "obs")}


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
@pytest.mark.parametrize("code", STRUCTURES)
def test_free_parameters_are_those_of_the_literature(code, backend):
    for components, features in [(1, 2), (2, 2), (3, 3), (2, 4)]:
        sites = engine(backend).sites(gaussian_mixture(components, code), data(features))
        expected = COVARIANCE_PARAMETERS[code](components, features) + components * features + components - 1
        assert sites.free_parameters == expected


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
@pytest.mark.parametrize("code", STRUCTURES)
def test_the_hub_is_scipys_density(code, backend):
    program, parameters = prior_draw(code)
    covariances = program.family.covariances(parameters, FEATURES)
    x = data()
    expected = [
        np.log(weight) + stats.multivariate_normal(loc, covariance).logpdf(x.x)
        for weight, loc, covariance in zip(parameters["weights"], parameters["loc"], covariances, strict=True)
    ]
    table = engine(backend).log_joint(program, parameters, x)
    np.testing.assert_allclose(table, np.transpose(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
@pytest.mark.parametrize("code", STRUCTURES)
def test_the_hub_of_student_t_is_scipys_density(code, backend):
    gaussian, parameters = prior_draw(code)
    x, df = data(), np.array([1.5, 4.0, 30.0])
    scales = gaussian.family.covariances(parameters, FEATURES)
    expected = [
        np.log(weight) + stats.multivariate_t(loc, scale, df=freedom).logpdf(x.x)
        for weight, loc, scale, freedom in zip(parameters["weights"], parameters["loc"], scales, df, strict=True)
    ]
    program = Mixture(COMPONENTS, StudentT(covariance=code))
    table = engine(backend).log_joint(program, {**parameters, "df": df}, x)
    np.testing.assert_allclose(table, np.transpose(expected), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("code", STRUCTURES)
def test_letters_keep_their_promise(code):
    program, parameters = prior_draw(code)
    covariances = program.family.covariances(parameters, FEATURES)
    volumes = np.linalg.det(covariances) ** (1 / FEATURES)
    eigenvalues = np.linalg.eigvalsh(covariances)
    shapes = eigenvalues / volumes[:, None]
    products = np.einsum("aij,bjk->abik", covariances, covariances)
    commute = products - products.swapaxes(0, 1)
    off_diagonal = covariances * (1 - np.eye(FEATURES))
    size = np.abs(products).max()
    assert (np.ptp(volumes) < 1e-9 * volumes.max()) == (code[0] == "E")
    assert (np.ptp(shapes, axis=0) / shapes.mean(0)).max() < 1e-6 if code[1] in "EI" else np.ptp(shapes) > 1e-3
    assert (np.ptp(shapes, axis=1).max() < 1e-9) == (code[1] == "I")
    assert (np.abs(off_diagonal).max() == 0) == (code[2] == "I")
    assert (np.abs(commute).max() < 1e-9 * size) == (code[2] != "V")


@pytest.mark.parametrize("features", [None, 1, 2, 4])
@pytest.mark.parametrize("code", STRUCTURES)
def test_sites_of_covariances_give_the_covariances_back(code, features):
    x = Observations(data(4).x[:, 0] if features is None else data(4).x[:, :features])
    program = gaussian_mixture(COMPONENTS, code).scaled_to(x)
    drawn = simulate(program, x.shape if features else ROWS, seed=2, backend="pyro")
    covariances = program.family.covariances(drawn, features)
    sites = program.family.sites_of(covariances, features)
    shapes = {site.name: site.shape for site in engine("numpyro").sites(program, x).parameters}
    del shapes["weights"], shapes["loc"]
    assert {name: value.shape for name, value in sites.items()} == shapes
    again = program.family.covariances({"loc": drawn["loc"], **sites}, features)
    scale = np.sqrt(np.einsum("kii->ki", covariances))
    np.testing.assert_allclose(
        again / (scale[:, :, None] * scale[:, None, :]),
        covariances / (scale[:, :, None] * scale[:, None, :]),
        atol=1e-9,
    )


@pytest.mark.parametrize("backend", ["numpyro", "pyro"])
def test_priors_integrate_to_one_along_what_sums_to_zero(backend):
    # two components: log_volume = (u, -u) / sqrt(2), u ~ Normal(0, 2)
    program = gaussian_mixture(2, "VEI")
    parameters = {"weights": [0.5, 0.5], "loc": np.zeros((2, 2)), "scale": np.ones(2)}
    x = Observations(data().x[:, :2])

    def log_prior(u):
        values = {**parameters, "log_volume": np.array([u, -u]) / np.sqrt(2)}
        return engine(backend).bind(program, x).log_priors({k: np.asarray(v)[None] for k, v in values.items()})[0]

    expected = stats.norm(0, 2).logpdf(1.5) - stats.norm(0, 2).logpdf(0.0)
    assert log_prior(1.5) - log_prior(0.0) == pytest.approx(expected, rel=1e-9)


def test_backends_agree_on_density_gradient_and_coordinates():
    x = data()
    for code in ("EVV", "VEV"):
        program, parameters = prior_draw(code)
        numpyro, pyro = (engine(name).bind(program, x).log_density(jacobian=True) for name in ("numpyro", "pyro"))
        (value, gradient), (value_too, gradient_too) = (
            density.value_and_gradient(density.unconstrain(parameters)) for density in (numpyro, pyro)
        )
        assert value == pytest.approx(value_too, rel=1e-10)
        assert np.linalg.norm(gradient) == pytest.approx(np.linalg.norm(gradient_too), rel=1e-8)


def test_every_orthogonal_matrix_has_small_coordinates_up_to_signs():
    rng = np.random.default_rng(0)
    for features in (2, 3, 5):
        for _ in range(20):
            matrix = stats.ortho_group.rvs(features, random_state=rng)
            coordinates = coordinates_of(matrix)
            again = matrix_of(coordinates, features)
            np.testing.assert_allclose(np.abs(np.sum(again * matrix, axis=0)), 1.0, atol=1e-12)
            assert np.abs(coordinates).max() < 2.0


def test_names_of_one_variable_and_of_scikit_learn():
    x = Observations(data().x[:, 0])
    for name, free in {"E": 1, "V": 3, "tied": 1, "spherical": 3, "VVE": 3, "EVE": 1}.items():
        assert engine("numpyro").sites(gaussian_mixture(3, name), x).free_parameters == free + 3 + 2
    with pytest.raises(ChoiceError, match="'VVV'"):
        gaussian_mixture(2, "VVX")


@pytest.mark.parametrize("code", STRUCTURES)
def test_the_documented_sites_are_those_of_the_program(code):
    (line,) = [line for line in gaussian_mixture.__doc__.splitlines() if line.split()[:1] == [code]]
    sizes = {"K": 4, "d": FEATURES, "p": FEATURES * (FEATURES - 1) // 2}
    documented = {
        name: tuple(sizes[letter] for letter in re.findall(r"[Kdp]", shape))
        for name, shape in re.findall(r"(\w+) \(([^)]*)\)", line)
    }
    sites = engine("numpyro").sites(gaussian_mixture(4, code), data()).parameters
    assert documented == {site.name: site.shape for site in sites if site.name not in ("weights", "loc")}
