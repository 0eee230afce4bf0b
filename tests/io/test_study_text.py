"""The study file's reference lists every setting, and the text we write is valid TOML."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from unicodedata import category

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from phenolens.config import Study, read_study
from phenolens.io.discovery.discover import discover
from phenolens.io.discovery.proposal import Discovery, Question
from phenolens.io.discovery.study_text import study_toml
from phenolens.io.integrate import integrate
from phenolens.represent.base import REPRESENTATIONS

DOC = Path(__file__).parents[2] / "docs" / "study-file.md"
HEADING = re.compile(r"^## `\[{1,2}([\w.-]+)\]{1,2}`$")


def settings() -> dict[str, dict[str, object]]:
    """Every section of the study file with its settings and defaults."""
    found: dict[str, dict[str, object]] = {}

    def walk(model: type[BaseModel], name: str) -> None:
        for key, field in model.__pydantic_fields__.items():
            inner = _model(field.annotation)
            if inner is not None:
                walk(inner, f"{name}.{key}".strip("."))
            else:
                default = "*required*" if field.is_required() else field.default
                found.setdefault(name, {})[key] = default

    walk(Study, "")
    for name, kind in REPRESENTATIONS.known().items():
        if kind.__module__.startswith("phenolens."):
            shared = found.get(kind.section, {}) | {"augment": None}
            fields = kind.Options.__pydantic_fields__.items()
            own = {key: field.default for key, field in fields if key not in shared}
            found |= {f"represent.{name}": own} if own else {}
    return found


def _model(annotation: object) -> type[BaseModel] | None:
    kinds = [annotation, *getattr(annotation, "__args__", ())]
    return next((k for k in kinds if hasattr(k, "__pydantic_fields__")), None)


def documented() -> dict[str, dict[str, str]]:
    """Section, setting and default as the reference states them."""
    sections: dict[str, dict[str, str]] = {}
    current: dict[str, str] = {}
    for line in DOC.read_text(encoding="utf-8").splitlines():
        heading = HEADING.match(line)
        if heading:
            current = sections.setdefault(heading[1], {})
        cells = [cell.strip() for cell in line.strip("|").split(" | ")]
        if line.startswith("| `"):
            current[cells[0].strip("`")] = cells[2]
    return sections


def test_the_reference_lists_every_setting_with_its_default():
    expected = {
        section: {key: _shown(value) for key, value in keys.items()}
        for section, keys in settings().items()
    }
    assert documented() == expected


def _shown(default: object) -> str:
    if default is None or default == "*required*":
        return default or ""
    return f"`{json.dumps(default)}`"


def test_the_examples_of_the_reference_are_studies():
    texts = re.findall(r"```toml\n(.*?)```", DOC.read_text(encoding="utf-8"), re.DOTALL)
    whole, of_cells = (Study.model_validate(tomllib.loads(text)).data for text in texts)
    assert whole.images.layout == "load_data"
    assert of_cells.columns.cell_label == "Metadata_Phenotype"


names = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=12
)


@given(column=names, stain=names, text=names)
def test_any_name_survives_the_writing(column, stain, text):
    discovery = Discovery(
        source=Path("/data/screen"),
        columns={"compound": column},
        images={"table": "t.csv", "channels": [stain], "files": {stain: column}},
        questions=(Question("columns.mechanism", text),),
    )
    read = tomllib.loads(study_toml(discovery, relative_to="/data", name=text))
    assert read["study"]["name"] == text
    assert read["data"]["columns"]["compound"] == column
    assert read["data"]["images"]["files"] == {stain: column}
    assert read["data"]["images"]["table"] == "screen/t.csv"


@pytest.mark.parametrize("folder", ["/data/studies", "/data/screen", "/"])
def test_paths_start_from_the_study_file(folder):
    discovery = Discovery(source=Path("/data/screen"), images={"table": ["a.csv", "b/*.csv"]})
    tables = tomllib.loads(study_toml(discovery, relative_to=folder))["data"]["images"]["table"]
    assert [Path(folder, t).resolve() for t in tables] == [
        Path("/data/screen/a.csv"),
        Path("/data/screen/b/*.csv"),
    ]


@pytest.mark.parametrize(
    "text", ["a\nb", "a\rb", "a\x1b[31mb", "a\x7fb", "a\\b\n", "a\\\x7fb", "a\x00b", "'"]
)
def test_control_characters_of_folders_and_notes_leave_valid_toml(text, tmp_path):
    found = Discovery(
        source=tmp_path / text.replace("\x00", ""),
        images={"layout": "table", "table": text, "channels": [text]},
        notes=(text,),
        questions=(Question("data", f"what is {text}?", options=(text,)),),
    )
    read = tomllib.loads(study_toml(found, relative_to=tmp_path))
    folder = text.replace("\x00", "")
    assert read["study"]["name"] == "".join(" " if category(c) == "Cc" else c for c in folder)
    assert read["data"]["images"]["channels"] == [text]
    assert study_toml(found, relative_to=tmp_path, name=text).count("[study]") == 1
    assert tomllib.loads(study_toml(found, name=text))["study"]["name"] == text


@pytest.mark.parametrize(
    "name",
    ["a [b]*?", "q'\"x", "line\nbreak", "té テ 😀 ~ $x %s {0}", " lead", "#=+@;,", "[ab].csv"],
)
def test_what_init_writes_check_reads_whatever_folders_are_called(tmp_path, write_plane, name):
    folder = tmp_path / name
    for well in ("A01", "A02"):
        for wave in ("UV - DAPI", "Blue - FITC"):
            write_plane(folder / "P [1]" / f"{well[0]} - {well[1:]}(fld 1 wv {wave}).tif", value=1)
    (folder / "map [1].csv").write_text("Well,Compound\nA01,DMSO\nA02,c1\n")
    (folder / "study.toml").write_text(study_toml(discover(folder), relative_to=folder))
    read = integrate(read_study(folder / "study.toml").data.model_dump(), folder)
    assert sorted(read.images.table["Metadata_Well"]) == ["A01", "A02"]
    assert set(read.wells["Metadata_Compound"]) == {"DMSO", "c1"}
