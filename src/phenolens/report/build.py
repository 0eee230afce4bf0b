"""From a study folder to its figures and its page."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from phenolens.answers import answers
from phenolens.answers.tables import Tables
from phenolens.errors import InputError
from phenolens.files import write_json, write_text

if TYPE_CHECKING:
    from phenolens.report.page import Picture


def build(folder: str | Path, *, title: str | None = None, figures: bool = True) -> Path:
    """Write ``report.html``, ``answers.json`` and ``figures/`` into a study's folder.

    Parameters
    ----------
    folder : str or Path
        A folder that ``phenolens run`` wrote (docs/schemas.md). Files may be missing: the section
        that would have shown them says so.
    title : str, optional
        Heading of the page. By default the title or name in ``study.resolved.toml``.
    figures : bool
        False writes the page with its texts and tables only, and leaves ``figures/`` (a PNG and an
        SVG of each) alone.

    Returns
    -------
    Path
        The page. The same tables give the same bytes.

    Raises
    ------
    InputError
        If the folder is missing, or a table lacks a column that docs/schemas.md promises.
    """
    from phenolens.report.page import render

    folder = Path(folder)
    if not folder.is_dir():
        raise InputError(f"There is no study folder {folder}. 'phenolens run' makes one.")
    tables = Tables(folder)
    write_json(folder / "answers.json", [answer.to_dict() for answer in answers(tables)])
    gallery = draw(tables) if figures else {}
    page = folder / "report.html"
    write_text(page, render(tables, gallery, title=title))
    return page


def draw(tables: Tables) -> dict[str, list[Picture]]:
    """Draw and save every figure; those of an earlier build that no longer exist are removed."""
    from phenolens.report.figures import house_style, save, unique
    from phenolens.report.page import picture
    from phenolens.report.sections import figure_groups

    folder = tables.folder / "figures"
    gallery: dict[str, list[Picture]] = {}
    with house_style():
        for group, figures in figure_groups().items():
            gallery[group] = [picture(d, *save(d, folder)) for d in unique(figures(tables))]
    _remove_stale(folder, gallery)
    return gallery


def _remove_stale(folder: Path, gallery: dict[str, list[Picture]]) -> None:
    current = {Path(p.file).name for pictures in gallery.values() for p in pictures}
    for path in sorted(folder.glob("*")):
        ours = any(path.stem == group or path.stem.startswith(f"{group}-") for group in gallery)
        if ours and path.suffix in (".png", ".svg") and path.stem not in current:
            path.unlink()
