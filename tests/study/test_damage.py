"""What is damaged in a store is named in a line and made anew; the results are the same bytes."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from phenolens import study
from phenolens.errors import ConfigError
from phenolens.files import file_digest, write_sealed
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.study.keeping import STAMP, store_files
from phenolens.study.session import Silent

SETTINGS = """
[measure]
families = ["AreaShape", "Intensity"]

[represent]
representations = ["cellprofiler", "pixel-pca"]
components = 4
"""
NETWORK = """
[networks]
input = "images"
size = 32
epochs = 2
width = 4
batch = 8
views = 1
device = "cpu"
precision = "float32"
"""
# One file of each kind that a store holds.
KINDS = {
    "chunk": "images-*/*/*/*/*/0/c/0/0/0",
    "field": "images-*/*/*/*/*/0/zarr.json",
    "mark of a field": "images-*/*/*/*/*/.complete.json",
    "small copy": "images-*/*/*/*/*/thumbnail.npz",
    "level of a plate": "images-*/*.zarr/zarr.json",
    "label image": "images-*/**/labels/Nuclei/0/c/0/0",
    "mark of labels": "images-*/**/labels/.labels.json",
    "unit": "cells-*/*/*.npz",
    "mark of a plate": "cells-*/*.written.json",
    "wells": "cellprofiler-*.parquet",
    "seal": "cellprofiler-*.parquet.sha256",
    "learned wells": "representation-*/wells.parquet",
    "card": "representation-*/card.json",
}
OF_NETWORKS = {
    "weights": "network-*/weights.safetensors",
    "curves": "network-*/curves.parquet",
    "wells of a network": "network-*/wells.parquet",
    "card of a network": "network-*/card.json",
    "device": "settled-*/settled.json",
    "pixels": "pixels-*/pixels-*.npy",
    "sums of pixels": "pixels-*/made-*.npz",
}


def _gone(path: Path) -> None:
    path.unlink()


def _cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _a_flipped_bit(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 4
    path.write_bytes(content)


DAMAGES = (_gone, _cut_short, _a_flipped_bit)


class Told(Silent):
    """What a run said."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def say(self, text: str) -> None:
        self.lines.append(text)


def left(out: Path) -> dict[str, str]:
    files = {path.relative_to(out): path for path in sorted(out.rglob("*")) if path.is_file()}
    own = {name: path for name, path in files.items() if name.parts[0] != "store"}
    return {n.as_posix(): file_digest(p) for n, p in own.items() if n.name != "timings.json"}


def run(folder: Path, out: Path, **how) -> tuple[dict[str, str], list[str]]:
    told = Told()
    session = study.open_study(folder / "study.toml", out=out, jobs=1, progress=told, **how)
    study.normalize(session)
    return left(out), [line for line in told.lines if "amaged" in line]


def screen(folder: Path, settings: str) -> Path:
    design = ScreenDesign(
        plates=1, batches=1, treatments=4, replicates=1, control_wells=6, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=96,
    )  # fmt: skip
    write_screen(design, folder / "screen")
    study.init(folder / "screen", folder / "study.toml")
    with (folder / "study.toml").open("a") as stream:
        stream.write(settings)
    return folder


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    folder = screen(tmp_path_factory.mktemp("damage"), SETTINGS)
    run(folder, folder / "out")
    return folder


@pytest.fixture
def copy(finished, tmp_path) -> Path:
    """A finished study, as another run may find it."""
    return shutil.copytree(finished / "out", tmp_path / "out")


def one_of(out: Path, pattern: str, number: int = 0) -> Path:
    found = sorted((out / "store").glob(pattern))
    assert found, pattern
    return found[number % len(found)]


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_every_kind_of_file_is_made_anew(finished, copy, damage):
    before = left(copy)
    for number, pattern in enumerate(KINDS.values()):
        damage(one_of(copy, pattern, number))  # each of another field
    after, said = run(finished, copy)
    assert after == before
    assert said and all(line.startswith("Damaged, made anew: ") for line in said)
    assert run(finished, copy) == (before, [])


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_pixels_that_are_read_again_are_checked(finished, copy, tmp_path, damage):
    """A chunk that is lost is never read as zeros, and one that has changed never as it is."""
    changed = {"changes": ["segment.nucleus_diameter=14.0"]}
    expected, _ = run(finished, tmp_path / "anew", **changed)
    damage(one_of(copy, KINDS["chunk"]))
    after, said = run(finished, copy, **changed)
    assert after == expected
    assert len(said) == 1 and ".zarr" in said[0]


def test_results_that_are_read_again_are_checked(finished, copy):
    """Cells are results, and networks and joint features read them."""
    before = left(copy)
    _a_flipped_bit(next((copy / "cells").glob("*.parquet")))
    assert run(finished, copy)[0] == before


@pytest.mark.filterwarnings("ignore:.*damaged:UserWarning")
@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_what_networks_keep_is_made_anew(trained, tmp_path, damage):
    out = shutil.copytree(trained / "out", tmp_path / "out")
    before = left(out)
    for kind, pattern in OF_NETWORKS.items():
        damage(one_of(out, pattern))
        if kind == "weights":  # or nobody would read them
            one_of(out, OF_NETWORKS["card of a network"]).unlink()
    after, said = run(trained, out)
    assert after == before
    assert said or damage is _gone  # what was never there is not damaged


@pytest.fixture(scope="module")
def trained(tmp_path_factory) -> Path:
    pytest.importorskip("torch").set_num_threads(1)
    settings = SETTINGS.replace('["cellprofiler", "pixel-pca"]', '["untrained", "cnn"]') + NETWORK
    folder = screen(tmp_path_factory.mktemp("trained"), settings)
    run(folder, folder / "out")
    return folder


def stamped(out: Path) -> Path:
    """A study as one that went on to the report: with the stamp that names what is kept."""
    entries = sorted({path.name.split(".")[0] for path in (out / "store").iterdir()})
    held = {"question": "", "files": {}, "inputs": [], "entries": entries}
    write_sealed(out / "store" / STAMP, held | {"store": store_files(out / "store", entries)})
    return out


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
def test_every_kind_of_damage_is_verified(finished, trained, tmp_path, damage):
    for folder, kinds in ((finished, KINDS), (trained, OF_NETWORKS)):
        out = stamped(shutil.copytree(folder / "out", tmp_path / folder.name))
        assert study.verify(out) == []
        damaged = [one_of(out, pattern, number) for number, pattern in enumerate(kinds.values())]
        for path in damaged:
            damage(path)
        lines = study.verify(out)
        assert all(line.startswith("Store: ") for line in lines)
        for path in damaged:
            places = [str(one) for one in (path, *path.parents) if one.parent != out / "store"]
            assert any(place in line for line in lines for place in places[:6]), path


def test_a_checkpoint_with_a_flipped_bit_is_not_gone_on_from(tmp_path):
    torch = pytest.importorskip("torch")
    from phenolens.errors import InputError
    from phenolens.represent.networks.checkpoint import load_tensors, save_tensors

    path = tmp_path / "last.safetensors"
    tensors = {"a": torch.arange(64, dtype=torch.float32), "n": torch.tensor(3)}
    save_tensors(path, tensors, {"epoch": 3})
    assert load_tensors(path)[1] == {"epoch": 3}
    whole = path.read_bytes()
    for place in range(8, len(whole), 7):
        content = bytearray(whole)
        content[place] ^= 1
        path.write_bytes(content)
        try:
            found, about = load_tensors(path)
        except InputError:
            continue
        assert about in ({"epoch": 3}, {})  # of nothing known: no training goes on from it
        assert all(torch.equal(found[name], tensors[name]) for name in tensors)


@pytest.mark.parametrize("damage", DAMAGES, ids=lambda damage: damage.__name__.strip("_"))
@pytest.mark.parametrize("name", ["layout.json", "files.json", "ledger.json", "timings.json"])
def test_what_a_step_reads_of_the_last_run_is_made_anew(wells, name, damage):
    session = {"out": wells.out, "jobs": 1}
    study.splits(study.open_study(wells.study, **session))
    before = left(wells.out)
    damage(wells.out / name)
    if (name, damage) == ("layout.json", _gone):  # as an early version left it
        with pytest.raises(ConfigError, match="results of another version"):
            study.open_study(wells.study, **session)
        return
    study.splits(study.open_study(wells.study, **session))
    assert left(wells.out) == before


@pytest.mark.parametrize("name", ["wells.parquet", "results.parquet", "blocks.json"])
def test_a_damaged_result_that_is_audited_is_named(wells, command, name):
    study.splits(study.open_study(wells.study, out=wells.out, jobs=1))
    wells.frame().to_parquet(wells.out / "wells.parquet")
    (wells.out / name).write_bytes(b"PAR1")
    said = command("audit", wells.out).refused()
    assert str(wells.out / name) in said
