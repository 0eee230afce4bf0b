"""A short, commented study file for what was discovered."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Mapping
from glob import escape
from pathlib import Path
from typing import Any
from unicodedata import category

import tomli_w

from phenolens.files import real_path
from phenolens.globbing import MARKS
from phenolens.io.discovery.proposal import Discovery, Question
from phenolens.places import is_url, named

REMARKS = 30
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
"""What TOML takes neither in text nor in remarks; JSON leaves the last of them as it is."""

INTRO = """\
# {name}: a study of {source}
# Written by looking at the folder. What is left out keeps its default (docs/study-file.md).
"""
CONTROLS = """\
# Controls are found by convention (DMSO, negcon, a blank broad_sample). To choose others:
# controls = "Metadata_Compound == 'DMSO'"
"""
LEARNED = (
    "# Its features look learned. Did that see these wells? Plates or wells of this screen,",
    '# "other data" or "nothing":',
)


def study_toml(
    discovery: Discovery,
    *,
    relative_to: str | Path | None = None,
    name: str | None = None,
    more: Mapping[str, Any] | None = None,
) -> str:
    """The text of a study file.

    Parameters
    ----------
    discovery : Discovery
    relative_to : path, optional
        Folder the study file will lie in; paths are written relative to it. The current folder by
        default.
    name : str, optional
        Name of the study; the source's by default.
    more : mapping, optional
        Sections beside ``[data]``, and keys of ``[study]`` beside the name.

    Returns
    -------
    str
        TOML. Lines that a person must complete carry ``FILL IN``.
    """
    # folders may have control characters in their names, studies may not
    called = "".join(" " if category(c) == "Cc" else c for c in discovery.source.name)
    name = name or called
    plain, folder = (" ".join(text.split()) for text in (name, discovery.source.name))
    sections = dict(more or {})
    study = {"name": name} | sections.pop("study", {})
    base = named(discovery.source)
    if not is_url(base):
        base = os.path.relpath(base, real_path(relative_to or "."))
    parts = [
        INTRO.format(name=plain, source=folder),
        "\n".join(["[study]", *(_setting(k, v) for k, v in study.items())]) + "\n",
        _data(discovery),
        _columns(discovery),
        _images(discovery, base),
        *(_profile(block, base, discovery.source) for block in discovery.profiles),
        "# 'on': column of the screen = column of the table" if discovery.tables else "",
        *(_table(table, base, discovery.source) for table in discovery.tables),
        tomli_w.dumps(sections),
        "".join(f"# {note}\n" for note in _remarks(discovery)),
    ]
    text = "\n".join(part for part in parts if part)
    return _CONTROL.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def _remarks(discovery: Discovery) -> list[str]:
    """What a person should know of the folder; the first kinds of files that are not used."""
    unused = [f"Not used: {found.text}" for found in discovery.unused[:REMARKS]]
    if more := len(discovery.unused) - REMARKS:
        unused += [f"Not used: files of {more} more kinds; phenolens init lists them."] * (more > 0)
    remarks = [*discovery.notes, *(found.text for found in discovery.findings), *unused]
    return [" ".join(remark.split()) for remark in remarks]


def _data(discovery: Discovery) -> str:
    lines = ["[data]"]
    lines += (
        [f"modality = {_quoted(discovery.modality)}"] if discovery.modality != "compound" else []
    )
    lines += [_setting(key, value) for key, value in discovery.settings.items()]
    lines += _asked(discovery, "data", example=None)
    for setting in ("same_plate", "measurement", "exclude"):
        lines += _asked(discovery, setting, example=None)
    controls = _asked(discovery, "controls", example="controls = \"Metadata_Compound == '...'\"")
    hint = "" if "controls" in discovery.settings else CONTROLS
    return "\n".join(lines) + "\n" + ("\n".join(controls) + "\n" if controls else hint)


def _asked(discovery: Discovery, setting: str, *, example: str | None) -> list[str]:
    """Comment lines for the questions about a setting, with the line to fill in."""
    lines = []
    for question in discovery.questions:
        if question.setting == setting:
            lines += [f"# FILL IN: {line}" for line in _words(question)]
            lines += [f"# {example}"] if example else []
            lines += [f"# {choice}" for choice in question.choices]
    return lines


def _words(question: Question) -> list[str]:
    options = f" (there are: {', '.join(question.options[:12])})" if question.options else ""
    return [line for line in f"{question.text}{options}".splitlines() if line]


def _columns(discovery: Discovery) -> str:
    lines = ["[data.columns]"]
    for role in ("plate", "well", "site", "batch", "compound", "concentration", "mechanism",
                 "target", "cell_count", "cell_label"):  # fmt: skip
        asked = _asked(discovery, f"columns.{role}", example=None)
        lines += asked
        if role in discovery.columns:
            lines.append(_setting(role, discovery.columns[role]))
        elif asked and not any(line.startswith(f"# {role} = ") for line in asked):
            lines.append(f'# {role} = "..."')
    return "\n".join(lines) + "\n" if len(lines) > 1 else ""


def _images(discovery: Discovery, base: str) -> str:
    if discovery.images is None:
        return ""
    section = dict(discovery.images)
    for key in ("table", "root"):
        if key in section:
            section[key] = _based(section[key], base, discovery.source)
    lines = ["[data.images]"]
    for key, value in section.items():
        lines += _asked(discovery, f"images.{key}", example=None)
        lines.append(_setting(key, value))
    for key in ("layout", "projection", "plate_format"):
        if key not in section:
            lines += _asked(discovery, f"images.{key}", example=None)
    if discovery.labels and "labels" not in section:
        lines.append("# The table names label images. To take them, and segment nothing:")
        lines.append(f"# {_setting('labels', discovery.labels)}")
    if "nuclei" not in section:
        lines.append('# nuclei = "..."  # the stain that shows nuclei; the first by default')
    if section.get("level") == "cell":
        lines.append(
            "# Where cells of a well are of several classes (phenotypes, guides of a pool):"
        )
        lines.append('# [data.columns] cell_label = "..."  # the column that says which')
    return "\n".join(lines) + "\n"


def _profile(block: Mapping[str, Any], base: str, source: Path) -> str:
    lines = ["[[data.profiles]]"]
    said = {key: value for key, value in block.items() if key != "trained_on"}
    lines += [
        _setting(key, _based(v, base, source) if key == "files" else v) for key, v in said.items()
    ]
    if "trained_on" in block:
        lines += [*LEARNED, f"# {_setting('trained_on', block['trained_on'])}"]
    return "\n".join(lines) + "\n"


def _table(table: Mapping[str, Any], base: str, source: Path) -> str:
    file = _setting("file", _based(table["file"], base, source))
    sheet = f"{_setting('sheet', table['sheet'])}\n" if table.get("sheet") else ""
    return f"[[data.tables]]\n{file}\n{sheet}{_setting('on', table['on'])}\n"


def _based(value: object, base: str, source: Path) -> object:
    """Files below the source from the study file's folder; on the way no mark is a pattern's."""
    if isinstance(value, list):
        return [_based(item, base, source) for item in value]
    pattern = any(mark in str(value) for mark in MARKS) and not (source / str(value)).exists()
    if not is_url(base):
        return Path(escape(base) if pattern else base, str(value)).as_posix()
    scheme, _, rest = base.partition("://")
    whole = os.path.normpath(f"{escape(rest) if pattern else rest}/{value}")
    return value if is_url(value) else f"{scheme}://{whole}"


def _setting(key: str, value: object) -> str:
    return f"{key} = {_quoted(value)}"


def _quoted(value: object) -> str:
    """A TOML value; text with backslashes (patterns) goes into single quotes."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(k)} = {_quoted(v)}" for k, v in value.items())
        return f"{{ {inner} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(_quoted, value))}]"
    if isinstance(value, int | float):
        return str(value)
    text = str(value)
    literal = "\\" in text and "'" not in text and text.isprintable()
    return f"'{text}'" if literal else json.dumps(text, ensure_ascii=False)


def _key(name: str) -> str:
    return name if re.fullmatch(r"[A-Za-z0-9_-]+", name) else json.dumps(name, ensure_ascii=False)
