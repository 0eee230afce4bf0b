"""How figures look, and how they reach the disk with the same bytes every time."""

from __future__ import annotations

import logging
import textwrap
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findSystemFonts, fontManager

from phenolens.files import atomic_path

if TYPE_CHECKING:
    from phenolens.report.figures.marks import Marks

INK, MUTED, GRID, PAPER = "#1d2733", "#5d6b7a", "#e3e8ed", "#ffffff"
WIDTH = 10.4  # inches; the page shows 100 CSS pixels an inch
PIXELS = 100
LINES = 6  # of a name in a figure
# Ticks of matplotlib's own choice.
STEPS = [1, 2, 2.5, 5, 10]
FONT = "DejaVu Sans"  # comes with matplotlib: Latin, Greek, Cyrillic, Arabic and Hebrew letters
SHIPPED = "IPAexGothic"  # comes with matplotlib-fontja: kana, and most Chinese characters
FALLBACKS = (
    "Noto Sans CJK SC", "Noto Sans CJK JP", "Noto Sans CJK KR", "Noto Sans SC", "Noto Sans JP",
    "Noto Sans KR", "Source Han Sans SC", "Source Han Sans", "PingFang SC", "Hiragino Sans GB",
    "Hiragino Sans", "Apple SD Gothic Neo", "Microsoft YaHei", "Yu Gothic", "Malgun Gothic",
    "SimHei", "WenQuanYi Zen Hei", "WenQuanYi Micro Hei", "Droid Sans Fallback",
    "Noto Sans Devanagari", "Noto Sans Bengali", "Noto Sans Thai", "Nirmala UI", "Leelawadee UI",
    "Arial Unicode MS", "Unifont", SHIPPED,
)  # fmt: skip
"""Fonts of operating systems for names in other scripts, where installed, and one that ships."""
LOOK: dict[str, Any] = {
    "font.size": 9,
    "axes.titlesize": 10,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9aa5b1",
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlecolor": INK,
    "text.color": INK,
    "text.parse_math": False,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "figure.facecolor": PAPER,
    "savefig.facecolor": PAPER,
    "svg.hashsalt": "phenolens",
    "svg.fonttype": "path",
    "path.simplify": True,
}


@dataclass(frozen=True)
class Drawn:
    """A figure with what a page needs to show it.

    Parameters
    ----------
    name : str
        File name without ending; begins with the name of its group (``plates-cell-count``).
    figure : Figure
    label : str
        Short name, for the tab when a group has several figures.
    alt : str
        What the figure shows, for readers who do not see it.
    caption : str
        How to read it.
    vector : bool
        Whether the page should show the SVG; otherwise it shows the PNG.
    photo : bool
        Whether the figure is made of pictures of cells, which the page shows as a JPEG.
    marks : tuple of Marks
        What a reader of the page may point at.
    """

    name: str
    figure: Figure
    label: str
    alt: str
    caption: str
    vector: bool = True
    photo: bool = False
    marks: tuple[Marks, ...] = ()

    def called(self, name: str) -> Drawn:
        return replace(self, name=name)


@contextmanager
def house_style() -> Iterator[None]:
    """Draw and save inside this, whatever the user's own matplotlib settings.

    Letters that :data:`FONT` lacks are drawn in the first of :data:`FALLBACKS` that is installed
    and has them.
    """
    with mpl.rc_context(), warnings.catch_warnings(), _without_wishes_for_weights():
        # Names in scripts that no font here has are drawn as boxes; that is no reason to stop.
        warnings.filterwarnings("ignore", message="Glyph .* missing from font")
        mpl.rcdefaults()
        mpl.rcParams.update(cast(Any, LOOK))  # its stubs know only their own literals
        mpl.rcParams["font.family"] = [FONT, *_installed(FALLBACKS)]
        yield


@contextmanager
def _without_wishes_for_weights() -> Iterator[None]:
    """Fonts of other scripts come in one weight: that a bold one is not there is no news."""
    log = logging.getLogger("matplotlib.font_manager")

    def is_news(record: logging.LogRecord) -> bool:
        return "Failed to find font weight" not in record.getMessage()

    log.addFilter(is_news)
    try:
        yield
    finally:
        log.removeFilter(is_news)


def _installed(families: tuple[str, ...]) -> list[str]:
    """Of the families those that are there: matplotlib complains of each that is not."""
    _look_for_new_fonts()
    there = {font.name for font in fontManager.ttflist}
    return [name for name in families if name in there]


@cache
def _look_for_new_fonts() -> None:
    """Add the fonts that were installed since matplotlib listed them, once and for good."""
    known = {font.fname for font in fontManager.ttflist}
    for path in sorted({*findSystemFonts(), *_shipped()} - known):
        with suppress(OSError, RuntimeError, ValueError):  # what it cannot read it cannot draw
            fontManager.addfont(path)


def _shipped() -> list[str]:
    """The font's file; its package is not imported, which would change settings of matplotlib."""
    package = find_spec("matplotlib_fontja")
    places = [] if package is None else package.submodule_search_locations or []
    return [str(path) for place in places for path in Path(place).glob("fonts/*.ttf")]


class ShownFigure(Figure):
    """A figure that belongs to nobody's global state and yet shows itself in a notebook.

    Notebooks learn how to show matplotlib's figures when pyplot is imported, which we never do.
    """

    def _repr_png_(self) -> bytes:
        with house_style(), BytesIO() as png:
            self.savefig(png, format="png", dpi=PIXELS, metadata={"Software": None})
            return png.getvalue()


def new_figure(height: float, *, width: float = WIDTH) -> Figure:
    """An empty figure, in inches."""
    figure = ShownFigure(figsize=(width, height))
    FigureCanvasAgg(figure)
    return figure


def save(drawn: Drawn, folder: Path) -> tuple[Path, Path]:
    """Write PNG (two pixels a CSS pixel) and SVG, without dates, and return their paths."""
    png, svg = folder / f"{drawn.name}.png", folder / f"{drawn.name}.svg"
    with atomic_path(png) as partial:
        drawn.figure.savefig(partial, format="png", dpi=2 * PIXELS, metadata={"Software": None})
    with atomic_path(svg) as partial:
        nothing = {"Date": None, "Creator": None, "Format": None, "Type": None}
        drawn.figure.savefig(partial, format="svg", dpi=2 * PIXELS, metadata=nothing)
    return png, svg


def bare(axes: Axes) -> None:
    """Axes without ticks or frame, for pictures and colour strips."""
    axes.set_xticks([])
    axes.set_yticks([])
    for spine in axes.spines.values():
        spine.set_visible(False)


def wrapped(text: object, width: int = 28) -> str:
    """The text in lines of at most so many letters, broken behind blanks, hyphens or anywhere.

    Nothing is left out, but for the end of a text of more than :data:`LINES` lines.
    """
    lines = textwrap.wrap(str(text), width) or [""]
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"{lines[LINES - 1][: width - 1]}…"]
    return "\n".join(lines)


def most_lines(texts: Iterable[str]) -> int:
    """Lines of the text that has most, at least 1."""
    return max((text.count("\n") + 1 for text in texts), default=1)


def file_name(text: str) -> str:
    """The text as part of a file name: letters, digits, ``-`` and ``.`` only."""
    kept = "".join(c if c.isascii() and (c.isalnum() or c in "-.") else "-" for c in text)
    return "-".join(part for part in kept.lower().split("-") if part) or "unnamed"
