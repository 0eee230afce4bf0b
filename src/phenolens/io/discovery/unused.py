"""What of a folder a study makes no use of, and why: each file once, those alike counted."""

from __future__ import annotations

import os
import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from phenolens.findings import Finding, Severity
from phenolens.io.discovery.patterns import star
from phenolens.io.discovery.tree import Tree, Unused
from phenolens.io.formats.base import image_format, image_formats
from phenolens.io.formats.cellprofiler import POINTERS
from phenolens.io.images.table import is_image_name

SHOWN = 3
"""Files of one kind that are named each; more are counted."""
LISTED = 20
GRAVE = frozenset(
    {
        "unused-closed",
        "unused-contradicts",
        "unused-damaged",
        "unused-empty",
        "unused-flex",
        "unused-images-elsewhere",
        "unused-link",
        "unused-name",
        "unused-no-plate",
        "unused-one-of-several",
        "unused-other-plates",
        "unused-other-stains",
        "unused-other-wells",
    }
)
"""Reasons that may be a mistake of the folder."""
ARCHIVES = (".zip", ".tar", ".tar.gz", ".tgz", ".7z", ".rar", ".tar.bz2", ".tar.xz")
PIPELINES = (".cppipe", ".cpproj", ".cpproject")
DRAWN = re.compile(r"outline|overlay|mask|label|segment", re.IGNORECASE)


def unused_findings(items: Iterable[Unused]) -> tuple[Finding, ...]:
    """Files with the same reason and ending as one finding each, or as one for many.

    Parameters
    ----------
    items : iterable of Unused

    Returns
    -------
    tuple of Finding
        ``about["file"]`` is a path or a pattern, ``values["files"]`` how many it stands for;
        those that may be a mistake first.
    """
    groups: dict[tuple[str, str], list[Unused]] = {}
    for item in items:
        groups.setdefault((item.code, _ending(item.path)), []).append(item)
    found = [one for group in groups.values() for one in _counted(group)]
    return tuple(sorted(found, key=lambda one: one.severity != "warning"))


def _ending(path: str) -> str:
    if path.endswith("/"):
        return "/"
    return re.sub(r"\d+", "#", os.path.splitext(path)[1].lower())  # noqa: PTH122


def _counted(group: Sequence[Unused]) -> list[Finding]:
    if len(group) <= SHOWN:
        return [_finding(item.path, [item]) for item in group]
    return [_finding(_pattern([item.path for item in group]), group)]


def _finding(file: str, items: Sequence[Unused]) -> Finding:
    code = items[0].code
    severity: Severity = "warning" if code in GRAVE else "info"
    values: dict[str, Any] = dict(items[0].values)
    for name, first in values.items():
        if isinstance(first, tuple):
            every = [value for item in items for value in item.values.get(name, ())]
            values[name] = tuple(dict.fromkeys(every))[:LISTED]
        elif isinstance(first, int):
            values[name] = sum(item.values[name] for item in items)
    return Finding(code, severity, {"file": file}, {"files": len(items)} | values)


def _pattern(paths: Sequence[str]) -> str:
    """``folder/start*end``, or ``folder/**/start*end`` where they lie in several folders."""
    folders, names = zip(*(path.rstrip("/").rpartition("/")[::2] for path in paths), strict=True)
    above = os.path.commonpath(folders) if all(folders) else ""
    inner = "" if len(set(folders)) == 1 else "**/"
    end = "/" if paths[0].endswith("/") else ""
    return f"{above}{'/' if above else ''}{inner}{star(names)}{end}"


def reasons_for_rest(
    tree: Tree,
    *,
    used: Collection[str],
    explained: Iterable[Unused],
    images: Mapping[str, Any] | None,
) -> list[Unused]:
    """Why each file is not used that nothing has spoken of yet.

    Parameters
    ----------
    tree : Tree
    used : collection of str
        Absolute paths of the files that the study reads.
    explained : iterable of Unused
        Files with a reason.
    images : mapping or None
        ``[data.images]`` of the study.
    """
    known = {item.path for item in explained}
    beside = _beside(images)
    rest = []
    for path in tree.files:
        relative = tree.relative(path)
        if str(path) in used or relative in known:
            continue
        if path.is_dir() and any(one.startswith(f"{path}/") for one in used):
            continue  # a store: its fields are read
        if any(fnmatch(path.name.lower(), one) for one in beside):
            continue  # read with the images, or nothing that a study needs
        rest.append(_reason(path, relative, images))
    return rest


def _beside(images: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Names of what lies beside the images that count; of all, where that is not decided."""
    if images is None:
        return ()
    if "layout" in images:
        return image_format(images["layout"]).beside
    return tuple(one for kind in image_formats() for one in kind.beside)


def _reason(path: Path, relative: str, images: Mapping[str, Any] | None) -> Unused:
    name = path.name.lower()
    if is_image_name(name):
        return _reason_of_image(path, relative, images)
    if name.endswith(ARCHIVES):
        return Unused(relative, "unused-archive")
    if name.endswith(".flex"):
        return Unused(relative, "unused-flex")
    if name.endswith(PIPELINES):
        return Unused(relative, "unused-pipeline")
    if name.endswith(POINTERS):
        return Unused(relative, "unused-analyst")
    if name.endswith(".toml"):
        return Unused(relative, "unused-study" if _is_study(path) else "unused-kind")
    if any(fnmatch(name, one) for kind in image_formats() for one in kind.beside):
        return Unused(relative, "unused-beside")
    return Unused(relative, "unused-kind")


def _is_study(path: Path) -> bool:
    try:
        return "[data" in path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return False


def _reason_of_image(path: Path, relative: str, images: Mapping[str, Any] | None) -> Unused:
    near = "/".join(relative.split("/")[-2:])
    if "thumb" in near.lower():
        return Unused(relative, "unused-thumbnail")
    if "illum" in near.lower():
        return Unused(relative, "unused-illumination")
    if DRAWN.search(near):
        return Unused(relative, "unused-drawn")
    layout = "" if images is None else images.get("layout", "")
    if images is not None and layout and image_format(layout).listed:
        return Unused(relative, "unused-not-listed", {"table": _first(images["table"])})
    for kind in image_formats():
        if not kind.listed and kind.name != layout and kind.recognises_files([path]):
            values = {"naming": kind.name, "layout": layout or "no images"}
            return Unused(relative, "unused-other-naming", values)
    return Unused(relative, "unused-no-place")


def _first(table: str | Sequence[str]) -> str:
    return table if isinstance(table, str) else f"{table[0]}, ..."
