"""The encoder of docs/encoders.md: through a study of images, handed in as the page does."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import ModuleType

import pytest

import phenolens as pl
from phenolens import study
from phenolens.simulate import ScreenDesign, write_screen
from phenolens.study.step import take

PAGE = Path(__file__).parents[1] / "docs" / "encoders.md"
(CODE,) = re.findall(r"^```python\n(# patch_words.py\n.*?)^```", PAGE.read_text(), re.DOTALL | re.M)


@pytest.fixture
def patch_words(monkeypatch) -> ModuleType:
    module = ModuleType("patch_words")
    monkeypatch.setitem(sys.modules, "patch_words", module)
    exec(compile(CODE, "patch_words.py", "exec"), vars(module))
    return module


def test_it_has_thirty_lines():
    body = CODE.partition("class PatchWords")[2].splitlines()
    assert len([line for line in body if line.strip()]) <= 30


def test_a_study_makes_it_fold_by_fold_of_cells(patch_words, tmp_path):
    design = ScreenDesign(
        plates=2, batches=1, treatments=4, replicates=1, control_wells=6, sites=1, mechanisms=2,
        inactive=1, toxic=1, field_size=96,
    )  # fmt: skip
    write_screen(design, tmp_path / "screen")
    toml = tmp_path / "study.toml"
    study.init(tmp_path / "screen", toml)
    only = ["represent.representations=[]", 'measure.families=["AreaShape", "Location"]']
    few = 'encoders=[{name = "few-words", kind = "patch-words", settings = {words = 3}}]'
    session = study.open_study(
        toml, out=tmp_path / "out", jobs=1, encoders=[patch_words.PatchWords],
        changes=[*only, few, "represent.patch-words.words=5"],
    )  # fmt: skip
    study.represent(session)
    blocks = take(session, "represent").blocks
    assert {name: block.wells.shape[1] for name, block in blocks.items()} == {
        "patch-words": 5, "few-words": 3,
    }  # fmt: skip
    folds = take(session, "splits").folds.table
    tested = folds[folds["fold"] == 0]
    seen = set(blocks["few-words"].cards["0"].trained_on)
    assert seen and not seen & set(tested["Metadata_Plate"] + "/" + tested["Metadata_Well"])
    crops = study.crops(session)
    assert crops.images.level == "cell"
    train = range(0, len(crops), 9)
    wells = pl.encode(patch_words.PatchWords(words=3), crops, train=train)
    assert len(wells) == len(blocks["few-words"].wells)
    assert wells.attrs["phenolens_card"]["level"] == "cell"
