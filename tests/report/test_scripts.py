"""Names in any script are drawn: with the font that comes along, and those of the machine."""

from __future__ import annotations

import warnings
from io import BytesIO

import pytest
from matplotlib.font_manager import FontProperties, findfont, fontManager, get_font

from phenolens.report.figures import style


def _draw(text: str) -> list[str]:
    """Families asked for; a letter that none of them has is an error."""
    with style.house_style():
        warnings.simplefilter("error")
        figure = style.new_figure(1, width=3)
        drawn = figure.text(0.1, 0.5, text)
        figure.savefig(BytesIO(), format="png")
        figure.savefig(BytesIO(), format="svg")
        return drawn.get_fontfamily()


def _letters(family: str) -> set[int]:
    return set(get_font(findfont(FontProperties(family=family))).get_charmap())


@pytest.mark.parametrize("name", ["Καφεΐνη β", "Кофеин", "كافيين", "קפאין", "Koffein µ", "→ ≥ ·"])
def test_scripts_of_the_font_that_comes_along(name):
    assert _draw(name)[0] == style.FONT


@pytest.mark.parametrize("name", ["咖啡因", "カフェイン", "阿司匹林", "紫杉醇"])
def test_scripts_of_the_font_that_ships(name, monkeypatch):
    monkeypatch.setattr(style, "FALLBACKS", (style.SHIPPED,))
    assert _draw(name) == [style.FONT, style.SHIPPED]


@pytest.mark.parametrize("name", ["카페인", "对照"])
def test_scripts_of_the_machines_fonts(name):
    there = style._installed(style.FALLBACKS)
    if not any({ord(letter) for letter in name} <= _letters(family) for family in there):
        pytest.skip(f"no font here has {name}: it is drawn as boxes, and the page has it as text")
    _draw(name)


def test_a_letter_comes_from_the_first_installed_font_that_has_it(monkeypatch):
    narrow, wide = "DejaVu Sans Mono", style.FONT  # both come with matplotlib
    letter = chr(min(n for n in _letters(wide) - _letters(narrow) if chr(n).isalpha()))
    monkeypatch.setattr(style, "FONT", narrow)
    monkeypatch.setattr(style, "FALLBACKS", ("No such font",))
    with pytest.raises(UserWarning, match="missing from font"):
        _draw(letter)
    monkeypatch.setattr(style, "FALLBACKS", ("No such font", wide))
    assert _draw(f"DMSO {letter}") == [narrow, wide]


def test_a_letter_that_no_font_has_stops_nothing():
    with style.house_style():
        figure = style.new_figure(1, width=3)
        figure.text(0.1, 0.5, "\U0001315c")  # a hieroglyph
        figure.savefig(BytesIO(), format="png")
    assert style.FONT in {font.name for font in fontManager.ttflist}


def test_a_font_that_was_installed_since_is_found(monkeypatch):
    """Matplotlib keeps its list of fonts: one that a reader adds would never be looked at."""
    font, *_ = [
        font
        for font in fontManager.ttflist
        if (font.name, font.style, font.weight) == ("DejaVu Serif", "normal", 400)
    ]
    others = [other for other in fontManager.ttflist if other.name != font.name]
    monkeypatch.setattr(fontManager, "ttflist", others)
    monkeypatch.setattr(style, "findSystemFonts", lambda: [font.fname])
    monkeypatch.setattr(style, "_shipped", list)
    monkeypatch.setattr(style, "_look_for_new_fonts", style._look_for_new_fonts.__wrapped__)
    assert style._installed(("No such font", font.name)) == [font.name]


def test_a_weight_that_a_font_has_not_is_no_news(caplog):
    with style.house_style():
        figure = style.new_figure(1, width=3)
        figure.text(0.1, 0.5, "阿司匹林", weight="bold", family=[style.FONT, style.SHIPPED])
        figure.savefig(BytesIO(), format="png")
    assert caplog.records == []
