"""What a folder was found to hold, as settings of a study file."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from phenolens.findings import Finding

DEFAULTS: dict[str, Any] = {
    "columns": {
        "plate": "Metadata_Plate",
        "well": "Metadata_Well",
        "site": None,
        "batch": None,
        "compound": None,
        "concentration": None,
        "mechanism": None,
        "target": None,
        "cell_count": None,
        "cell_label": None,
    },
    "images": {
        "table": None,
        "layout": "table",
        "root": ".",
        "level": "field",
        "channels": [],
        "file": None,
        "files": {},
        "index": None,
        "nuclei": None,
        "pixel_size_um": None,
        "labels": {},
        "projection": None,
        "pattern": None,
        "plate_format": None,
    },
    "profiles": {
        "level": "well",
        "normalized": "auto",
        "prefix": None,
        "obsm": None,
        "layer": None,
    },
    "tables": {"sep": None, "sheet": None},
}


@dataclass(frozen=True)
class Question:
    """A line of the study file that a person must fill in or look at, and why."""

    setting: str
    text: str
    options: tuple[str, ...] = ()
    choices: tuple[str, ...] = ()
    """Lines of the study file, one of which answers."""

    def __str__(self) -> str:
        options = f" (there are: {', '.join(self.options[:12])})" if self.options else ""
        return f"{self.setting}: {self.text}{options}"


@dataclass(frozen=True)
class Discovery:
    """What a folder holds, as settings of a study file.

    Attributes
    ----------
    source : Path
        The folder; the paths below are relative to it.
    modality : str
        ``compound`` or ``genetic``.
    columns : dict
        Roles to column specifications.
    settings : dict
        Other keys of ``[data]``, as they were handed in: controls, measurement, ...
    images : dict or None
    labels : dict
        Compartment to column of label images that a person may choose to take.
    profiles, tables : tuple of dict
        As in the study file.
    questions : tuple of Question
        What a person must fill in. Empty when the study runs as it is and asks all it can.
    notes : tuple of str
        What a person should know.
    findings : tuple of Finding
        What the images lack.
    unused : tuple of Finding
        Every file that the study does not read, with the reason; those alike counted.
    """

    source: Path
    modality: str = "compound"
    columns: dict[str, str] = field(default_factory=dict)
    settings: dict[str, Any] = field(default_factory=dict)
    images: dict | None = None
    labels: dict[str, str] = field(default_factory=dict)
    profiles: tuple[dict, ...] = ()
    tables: tuple[dict, ...] = ()
    questions: tuple[Question, ...] = ()
    notes: tuple[str, ...] = ()
    findings: tuple[Finding, ...] = ()
    unused: tuple[Finding, ...] = ()

    def lines(self) -> list[str]:
        """What was found, one fact a line."""
        return [
            *([] if self.images is None else [f"images: {_image_line(self.images)}"]),
            *([f"label images, not taken: {_shown([*self.labels.values()])}"] * bool(self.labels)),
            *(_profile_line(block) for block in self.profiles),
            *(f"table: {_shown(table['file'])}{_sheet(table)}" for table in self.tables),
            *self.notes,
            *(found.text for found in self.findings),
            *(f"not used: {found.text}" for found in self.unused),
        ]

    def section(self) -> dict:
        """The ``[data]`` section as plain values with every default written out."""
        images = None if self.images is None else DEFAULTS["images"] | self.images
        return {
            "modality": self.modality,
            "controls": None,
            "positive_controls": None,
            "exclude": None,
            "same_plate": [],
            "distinct_plates": [],
            "measurement": None,
            **self.settings,
            "columns": DEFAULTS["columns"] | self.columns,
            "images": images,
            "profiles": [DEFAULTS["profiles"] | block for block in self.profiles],
            "tables": [DEFAULTS["tables"] | table for table in self.tables],
        }


def _image_line(images: dict) -> str:
    where = _shown(images["table"]) if "table" in images else f"below {images['root']}"
    stains = ", ".join(images.get("channels", []))
    return f"{where}, stains {stains}" if stains else where


def _profile_line(block: dict) -> str:
    asked = ", learned from what? (trained_on)" if "trained_on" in block else ""
    return f"profiles {block['name']}: {_shown(block['files'])}{asked}"


def _sheet(table: dict) -> str:
    return f", sheet {table['sheet']!r}" if table.get("sheet") else ""


def _shown(files: str | list[str]) -> str:
    if isinstance(files, str):
        return files
    return ", ".join(files[:3]) + (f", ... ({len(files)} files)" if len(files) > 3 else "")
