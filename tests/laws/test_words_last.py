"""Words are made last: with every sentence replaced by its code, a study finds the same."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

import phenolens
from phenolens import profiles, study, words
from phenolens.report import build
from phenolens.simulate import simulate_profiles
from phenolens.study.step import take

SOURCE = Path(phenolens.__file__).parent
STUDY = """
[study]
name = "words last"

[data]
exclude = "Metadata_Well == 'A01'"

[[data.profiles]]
name = "deep"
files = "profiles.csv"
prefix = "f"

[evaluate]
permutations = 200
bootstrap = 20
"""
# Where a file keeps words beside the codes that they are made of.
TEXTS = {
    "what", "consequence", "remedy", "why", "reason", "question", "short", "sentences", "distrust",
}  # fmt: skip


def screen(layout: str) -> pd.DataFrame:
    """Three plates of a few treatments, one of them in a single well, doses of a stock, a lost row.

    What there is to find: unusual doses, a well set aside, a treatment that cannot be tested, and,
    in a fixed layout, position.
    """
    table, truth = simulate_profiles(
        plates=3, treatments=8, controls=6, features=12, seed=1, layout=layout
    )
    frame = profiles.to_frame(table)
    mechanism = truth.set_index("treatment")["mechanism"]
    frame["Metadata_Compound"] = frame["Metadata_Treatment"]
    frame["Metadata_Mechanism"] = frame["Metadata_Treatment"].map(mechanism)
    frame["Metadata_Concentration"] = 20_000.0
    treated = frame.index[~frame["Metadata_Control"].astype(bool)]
    frame.loc[treated[0], "Metadata_Compound"] = "alone"
    renamed = {name: f"f{number}" for number, name in enumerate(table.columns)}
    kept = ["Plate", "Well", "Compound", "Mechanism", "Concentration"]
    columns = [f"Metadata_{name}" for name in kept] + list(renamed.values())
    return frame.rename(columns=renamed)[columns]


def finished(folder: Path, frame: pd.DataFrame) -> Path:
    """The files of a study of these wells, with the report's answers."""
    folder.mkdir()
    frame.to_csv(folder / "profiles.csv", index=False)
    (folder / "study.toml").write_text(STUDY)
    session = study.open_study(folder / "study.toml", out=folder / "out", jobs=1)
    for verb in ("check", "interpret", "provenance"):
        take(session, verb)
    build(session.out, title="words last", figures=False)
    return session.out


def without_texts(value: Any) -> Any:
    """JSON without the words that stand beside codes."""
    if isinstance(value, dict):
        return {name: without_texts(item) for name, item in value.items() if name not in TEXTS}
    if isinstance(value, list):
        return [without_texts(item) for item in value]
    return value


@pytest.fixture(scope="module", params=["scrambled", "fixed"])
def both(request, tmp_path_factory) -> tuple[Path, Path]:
    """A study in words, and the same where every wording says its code only."""
    folder, frame = tmp_path_factory.mktemp("both"), screen(request.param)
    said = finished(folder / "said", frame)
    with pytest.MonkeyPatch.context() as patch:
        mute = {
            code: lambda code=code, **_: words.Said(code, code, code, code)
            for code in words.known()
        }
        patch.setattr(words, "_WORDINGS", mute)
        return said, finished(folder / "mute", frame)


def test_every_table_is_the_same(both):
    said, mute = both
    names = sorted(path.relative_to(said) for path in said.rglob("*.parquet"))
    assert len(names) > 10
    assert names == sorted(path.relative_to(mute) for path in mute.rglob("*.parquet"))
    for name in names:
        pd.testing.assert_frame_equal(
            pd.read_parquet(said / name), pd.read_parquet(mute / name), obj=str(name)
        )
    one, other = (pd.read_csv(folder / "hits.csv").drop(columns="distrust") for folder in both)
    pd.testing.assert_frame_equal(one, other)


DOCUMENTS = ["audit", "ledger", "splits", "unanswered", "activity", "answers", "normalization"]


@pytest.mark.parametrize("name", DOCUMENTS)
def test_every_code_severity_count_and_order_is_the_same(both, name):
    one, other = (json.loads((folder / f"{name}.json").read_text()) for folder in both)
    for document in (one, other):
        if isinstance(document, dict):
            document.pop("study", None)  # the digest of the settings
    assert without_texts(one) == without_texts(other)


@pytest.mark.parametrize("name", ["audit", "answers"])
def test_the_words_themselves_are_other_words(both, name):
    one, other = ((folder / f"{name}.json").read_text() for folder in both)
    assert one != other


def trees() -> Iterator[tuple[Path, ast.Module]]:
    for path in SOURCE.rglob("*.py"):
        yield path, ast.parse(path.read_text(encoding="utf-8"))


def written_out(node: ast.expr) -> Iterator[str]:
    """The texts that an argument can be, where they stand there."""
    if isinstance(node, ast.IfExp):
        yield from (*written_out(node.body), *written_out(node.orelse))
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        yield node.value


def codes_in_source() -> set[str]:
    """First arguments of ``Finding(...)``, where they are written out."""
    return {
        code
        for _, tree in trees()
        for node in ast.walk(tree)
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "Finding" and node.args
        for code in written_out(node.args[0])
    }


def texts_in_source() -> tuple[set[str], set[str]]:
    """Texts outside the wordings between blanks, and those that f-strings begin with."""
    whole, begun = set(), set()
    for path, tree in trees():
        if path.is_relative_to(SOURCE / "words"):
            continue
        for node in ast.walk(tree):
            if isinstance(node, ast.JoinedStr) and isinstance(node.values[0], ast.Constant):
                begun.add(str(node.values[0].value))
            elif isinstance(node, ast.Constant) and isinstance(node.value, str):
                whole |= set(node.value.split())
    return whole, {text for text in begun if text.endswith("-") and " " not in text}


def test_every_code_has_words():
    codes = codes_in_source()
    assert len(codes) > 100
    assert codes - set(words.known()) == set()


def test_every_wording_is_of_a_code_that_can_be_found():
    whole, begun = texts_in_source()
    ours = {
        code for code, said in words.known().items() if said.__module__.startswith("phenolens.")
    }
    unknown = {code for code in ours - whole if not any(map(code.startswith, begun))}
    assert unknown == set()
