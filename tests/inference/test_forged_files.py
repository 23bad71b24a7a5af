"""Files that were damaged, altered, or forged with right checksums: each is read as something whole, or refused in words."""

import functools
import hashlib
import json
import shutil
import sys
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import xarray as xr

import inference
import mixtures
from inference.results import PointFit
from inference.tree_files import SEAL, SEAL_BYTES
from mixtures import specification
from mixtures.errors import StoredFileError
from tests.oracles import FIVE_POINTS
from tests.telescope_run import telescoped

MODEL = mixtures.gaussian_mixture(2, "tied")
OPTIONS = {"draws": 60, "tune": 50, "chains": 2, "sampler": "numpyro", "progress": False}


@pytest.fixture(scope="module")
def fit_file(tmp_path_factory):
    fit = inference.fit_em(MODEL, FIVE_POINTS, restarts=2, seed=0)
    return inference.save(fit, tmp_path_factory.mktemp("fit") / "fit.json")


@pytest.fixture(scope="module")
def stores(tmp_path_factory):
    """Two runs that differ in nothing but their seeds."""
    folder = tmp_path_factory.mktemp("stores")
    for seed in (0, 1):
        inference.sample_nuts(MODEL, FIVE_POINTS, seed=seed, store=folder / f"run-{seed}", **OPTIONS)
    return folder


@pytest.fixture(scope="module")
def tree(stores):
    return inference.resume(stores / "run-0", FIVE_POINTS, progress=False)


@pytest.fixture(scope="module")
def tree_file(tree, tmp_path_factory):
    return inference.save(tree, tmp_path_factory.mktemp("tree") / "draws.nc")


# Damage: nothing of it passes the checksum


def damaged(content: bytes, times: int, seed: int) -> Iterator[bytes]:
    """A file with a bit flipped, cut short, with bytes put in, or with two parts in each other's place."""
    rng = np.random.default_rng(seed)
    for kind in rng.integers(4, size=times):
        a, b = sorted(rng.integers(1, len(content), size=2).tolist())
        if kind == 0:
            altered = bytearray(content)
            altered[a] ^= 1 << int(rng.integers(8))
            yield bytes(altered)
        elif kind == 1:
            yield content[:a]
        elif kind == 2:
            yield content[:a] + rng.bytes(20) + content[a:]
        else:
            yield content[b:] + content[:b]


@pytest.mark.parametrize("kind", ["fit_file", "tree_file"])
def test_damaged_files_are_refused(kind, request, tmp_path, record_property):
    content, times = request.getfixturevalue(kind).read_bytes(), 150
    for number, altered in enumerate(damaged(content, times, seed=0)):
        path = tmp_path / str(number)
        path.write_bytes(altered)
        with pytest.raises(StoredFileError):
            inference.load(path)
    what = {"fit_file": "a saved fit", "tree_file": "a saved posterior"}[kind]
    record_property("Damaged and forged files", _row(what, "damaged", times, refused=times))


def _row(what: str, how: str, files: int, refused: int) -> dict[str, str]:
    """For the page of evidence."""
    return {
        "file": what,
        "how": how,
        "files": str(files),
        "refused": str(refused),
        "whole all the same": str(files - refused),
    }


@pytest.mark.parametrize(
    "content", [b"", b"{", b"{}", b"[]", b'"', b"\x89HDF\r\n\x1a\n", SEAL, b"[" * 100_000, bytes(9999)]
)
def test_what_is_no_file_of_ours_is_refused(content, tmp_path):
    (tmp_path / "x").write_bytes(content)
    with pytest.raises(StoredFileError, match="cannot be read"):
        inference.load(tmp_path / "x")


# Forged fits


def forged_fit(path: Path, edit: Callable[[str], str], to: Path) -> Path:
    """The file with its content edited, and the checksum that goes with it."""
    content = edit("{" + path.read_text().partition("\n")[2])[1:]
    to.write_text(f'{{"sha256": "{hashlib.sha256(content.encode()).hexdigest()}",\n{content}')
    return to


def places(value: Any, found: tuple = ()) -> Iterator[tuple]:
    """Where something stands in a JSON value."""
    if found:
        yield found
    if isinstance(value, dict | list):
        for key in value if isinstance(value, dict) else range(len(value)):
            yield from places(value[key], (*found, key))


JUNK = [
    None,
    True,
    -1,
    10**30,
    1e308,
    "x",
    "",
    [],
    {},
    [[]],
    {"array": [1], "dtype": "S1000000000000"},
    {"status": "x"},
]
JUNK += [
    {"array": [1.0], "dtype": "O"},
    {"type": "os:system", "fields": {}},
    {"dict": {}},
    {"table": {"a": [1], "b": []}},
]


def altered(value: Any, rng: np.random.Generator) -> Any:
    """A JSON value with junk in one place, a part left out, or two parts in each other's place."""
    every = list(places(value))
    one, other = (every[int(i)] for i in rng.integers(len(every), size=2))
    holder = functools.reduce(lambda part, key: part[key], one[:-1], value)
    kind = rng.integers(3)
    if kind == 0:
        holder[one[-1]] = JUNK[int(rng.integers(len(JUNK)))]
    elif kind == 1:
        del holder[one[-1]]
    elif one[: len(other)] != other and other[: len(one)] != one:
        far = functools.reduce(lambda part, key: part[key], other[:-1], value)
        holder[one[-1]], far[other[-1]] = far[other[-1]], holder[one[-1]]
    return value


def test_forged_fits_are_whole_or_refused(fit_file, tmp_path, record_property):
    refused, files = 0, 400
    for seed in range(files):
        rng = np.random.default_rng(seed)

        def edit(text, rng=rng):
            content = json.loads(text)
            origin = content["fields"]["origin"]["origin"]
            if rng.integers(3) == 0:
                origin["program"] = altered(origin["program"], rng)
                return json.dumps(content)
            return json.dumps(altered(content, rng))

        path = forged_fit(fit_file, edit, tmp_path / "forged.json")
        try:
            back = inference.load(path)
        except StoredFileError:
            refused += 1
            continue
        assert isinstance(back, PointFit) and isinstance(back.program, mixtures.Program)
        assert all(isinstance(value, np.ndarray) for value in back.parameters.values())
        str(back)
    record_property("Damaged and forged files", _row("a saved fit", "forged, its checksum right", files, refused))
    assert refused > 150  # most places matter


def test_a_fit_is_plain_json_and_that_of_an_earlier_version_is_read_too(fit_file, tmp_path):
    stored = json.loads(fit_file.read_text())
    assert stored["kind"] == "PointFit" and isinstance(stored["fields"]["parameters"]["dict"]["weights"]["array"], list)
    origin = stored["fields"]["origin"]["origin"]
    assert origin["program"]["fields"]["components"] == 2
    origin["program"] = json.dumps(origin["program"])  # texts in texts
    content = json.dumps({"kind": "PointFit", "fields": stored["fields"]})
    former = tmp_path / "former.json"
    former.write_text(json.dumps({"sha256": hashlib.sha256(content.encode()).hexdigest(), "content": content}))
    now, then = inference.load(fit_file), inference.load(former)
    assert now.program == then.program and now.log_likelihood == then.log_likelihood
    assert all(np.array_equal(value, then.parameters[name]) for name, value in now.parameters.items())
    former.write_text(former.read_text().replace("PointFit", "GuideFit"))
    with pytest.raises(StoredFileError, match="checksum"):
        inference.load(former)


@pytest.mark.parametrize("depth", [1_000, 100_000])
@pytest.mark.parametrize("nest", [lambda n: "[" * n + "]" * n, lambda n: '{"dict": ' * n + "1" + "}" * n])
def test_deep_nesting_is_refused(depth, nest, fit_file, tmp_path):
    def edit(text):
        return text.replace('"losses": {', f'"losses": {nest(depth)}, "optima": {{', 1)

    with pytest.raises(StoredFileError, match="cannot be read"):
        inference.load(forged_fit(fit_file, edit, tmp_path / "forged.json"))
    with pytest.raises(StoredFileError):
        specification.from_json(nest(depth))


# Forged trees


def resealed(path: Path) -> Path:
    """The file with a right checksum behind it."""
    content = path.read_bytes()
    path.write_bytes(content + SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n")
    return path


def a_dataset_of_petabytes(file):
    file["posterior"].create_dataset("huge", shape=(10**6, 10**6, 10**3), chunks=(1, 1, 1000), dtype="f8")


def a_name_of_petabytes(file):
    del file["posterior/draw"]
    file["posterior"].create_dataset("draw", shape=(10**15,), chunks=(1000,), dtype="f8").make_scale("draw")


def groups_in_groups(file):
    node = file
    for _ in range(3000):
        node = node.create_group("g")


def times_that_are_none(file):
    file["posterior/loc"].attrs["units"] = "days since the flood"


FORGERIES = [
    a_dataset_of_petabytes,
    a_name_of_petabytes,
    groups_in_groups,
    times_that_are_none,
    lambda file: file.pop("posterior"),
    lambda file: file.pop("posterior/draw"),
    lambda file: file["posterior"].create_dataset("structured", data=np.zeros(3, dtype=[("a", "f8")])),
    lambda file: file["posterior"].__setitem__("loop", h5py.SoftLink("/posterior")),
    lambda file: file["posterior"].__setitem__("nowhere", h5py.ExternalLink("/etc/passwd", "/x")),
    lambda file: file.attrs.clear(),
    lambda file: file.attrs.__setitem__("data_fingerprint", np.arange(9)),
    lambda file: file.attrs.__setitem__("program", 7.5),
]


@pytest.mark.parametrize("forge", FORGERIES)
def test_forged_trees_are_read_or_refused(forge, tree_file, tmp_path):
    path = tmp_path / "forged.nc"
    path.write_bytes(tree_file.read_bytes()[:-SEAL_BYTES])
    with h5py.File(path, "r+") as file:
        forge(file)
    try:
        back = inference.load(resealed(path))
    except StoredFileError:
        back = None
    assert back is None or isinstance(back, xr.DataTree)
    for options in ({"x": FIVE_POINTS + 1}, {"program": mixtures.gaussian_mixture(3)}):
        with pytest.raises(StoredFileError):
            inference.load(path, **options)


def test_more_than_the_memory_is_refused_before_it_is_taken(tree_file, tmp_path):
    path = tmp_path / "forged.nc"
    path.write_bytes(tree_file.read_bytes()[:-SEAL_BYTES])
    with h5py.File(path, "r+") as file:
        a_dataset_of_petabytes(file)
    with pytest.raises(StoredFileError, match="got a need of 8e\\+03 TB; expected at most the .* there are"):
        inference.load(resealed(path))


# Stores


@pytest.fixture
def store(stores, tmp_path):
    return Path(shutil.copytree(stores / "run-0", tmp_path / "run"))


def resumed(store: Path) -> xr.DataTree:
    return inference.resume(store, FIVE_POINTS, progress=False)


def block(chain: int, number: int) -> str:
    return f"block-{chain:03d}-{number:06d}.npz"


@pytest.mark.parametrize("other", [block(1, 2), block(0, 1), block(1, 1), f"../other/{block(0, 2)}"])
def test_a_block_in_the_place_of_another_is_refused(other, store, stores):
    shutil.copytree(stores / "run-1", store.parent / "other")
    here, there = (store / block(0, 2)).read_bytes(), (store / other).read_bytes()
    (store / block(0, 2)).write_bytes(there)
    (store / other).write_bytes(here)
    with pytest.raises(StoredFileError, match=r"a block of another place or run: .*; expected run .*block"):
        resumed(store)


def test_damaged_blocks_are_sampled_again(store, tree, record_property):
    path, times = store / block(1, 2), 3
    content = path.read_bytes()
    for altered_content in damaged(content, times, seed=1):
        path.write_bytes(altered_content)
        xr.testing.assert_identical(resumed(store)["posterior"].to_dataset(), tree["posterior"].to_dataset())
        assert path.read_bytes() == content
    what = "a block of a stored run: drawn again, to the last bit"
    record_property("Damaged and forged files", _row(what, "damaged", times, refused=times))


@pytest.mark.parametrize("name", ["run.json", "starts.npz"])
def test_damaged_beginnings_are_refused(name, store, record_property):
    content, times = (store / name).read_bytes(), 40
    for altered_content in damaged(content, times, seed=2):
        (store / name).write_bytes(altered_content)
        with pytest.raises(StoredFileError, match="truncated or altered"):
            resumed(store)
    record_property("Damaged and forged files", _row(f"{name} of a stored run", "damaged", times, refused=times))
    (store / name).unlink()
    with pytest.raises(StoredFileError, match=r"no stored run|No such file"):
        resumed(store)


def seal(path: Path, content: bytes) -> None:
    path.write_bytes(hashlib.sha256(content).hexdigest().encode() + b"\n" + content)


@pytest.fixture(scope="module")
def telescope(tmp_path_factory):
    path = tmp_path_factory.mktemp("telescope") / "run"
    telescoped(seed=0, draws=25, tune=25, store=path)
    return path


@pytest.mark.quick("sample_nuts", reason="one code reads both")
@pytest.mark.parametrize("verb", ["sample_nuts", "sample_telescope"])
def test_forged_headers_are_refused(verb, request):
    store = request.getfixturevalue("store" if verb == "sample_nuts" else "telescope")
    header = json.loads((store / "run.json").read_bytes().partition(b"\n")[2])
    for path in store.glob("block-*"):
        path.unlink()  # a run killed before its first block: nothing but the header is there to be checked
    every = [place for place in places(header) if place != ("run", "init_log_posterior")]
    for place in every:
        for junk in ("x", -1, [[]], {}):
            forged = json.loads(json.dumps(header))
            functools.reduce(lambda part, key: part[key], place[:-1], forged)[place[-1]] = junk
            # other draws, seeds and reasons are other runs, and whole ones
            if place[-1] in ("seed", "reason", "draws", "tune", "sweeps", "name", "target_accept") and junk != "x":
                continue
            if place[-1] == "reason":
                continue
            seal(store / "run.json", json.dumps(forged).encode())
            with pytest.raises(StoredFileError):
                resumed(store)
    for text in ("[" * 100_000, "[]", "7", "{}", '{"format": 2}'):
        seal(store / "run.json", text.encode())
        with pytest.raises(StoredFileError):
            resumed(store)


def packed(arrays: dict[str, np.ndarray]) -> bytes:
    from inference.posterior.store import _packed

    return _packed(arrays)


def unpacked(path: Path) -> dict[str, np.ndarray]:
    from inference.posterior.store import _content, _unpacked

    return _unpacked(path, _content(path))


ARRAYS = [
    lambda arrays, name: {key: value for key, value in arrays.items() if key != name},
    lambda arrays, name: arrays | {name: arrays[name].astype("U9")},
    lambda arrays, name: arrays | {name: np.zeros((2, 3, 4))},
    lambda arrays, name: arrays | {name: np.zeros((), dtype="c16")},
]


@pytest.mark.parametrize("forge", ARRAYS)
@pytest.mark.parametrize("file", ["starts.npz", block(0, 1), block(1, 2)])
def test_forged_arrays_are_refused(forge, file, store):
    path = store / file
    arrays = unpacked(path)
    if file == "starts.npz":
        for other in store.glob("block-*"):
            other.unlink()
    for name in list(arrays)[:: 1 if file == "starts.npz" else 4]:
        seal(path, packed(forge(arrays, name)))
        with pytest.raises(StoredFileError):
            resumed(store)


def test_a_small_file_that_says_it_is_large_is_refused(store):
    import io
    import zipfile

    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as members:
        members.writestr("place.npy", bytes(10**7))
    seal(store / block(0, 0), buffer.getvalue())
    with pytest.raises(StoredFileError, match="more than the file can hold"):
        resumed(store)


# Code


def test_nothing_is_imported_for_a_file(fit_file, tmp_path, monkeypatch):
    (tmp_path / "planted.py").write_text("raise SystemExit('planted code ran')")
    monkeypatch.syspath_prepend(tmp_path)

    def edit(text):
        return text.replace("mixtures.mixture:Mixture", "planted:Mixture")

    with pytest.raises(StoredFileError, match="planted is not imported yet"):
        inference.load(forged_fit(fit_file, edit, tmp_path / "forged.json"))
    lazy = types.ModuleType("lazily")
    lazy.__getattr__ = lambda name: pytest.fail(f"{name} was asked for")
    monkeypatch.setitem(sys.modules, "lazily", lazy)
    for text in ('{"type": "lazily:Mixture", "fields": {}}', '{"declared": "lazily:run", "source": ""}'):
        with pytest.raises(StoredFileError, match="lazily has no"):
            specification.from_json(text)
