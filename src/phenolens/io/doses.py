"""Doses in micromolar, whatever unit a cell or the column's name gives them in."""

from __future__ import annotations

import re
from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from phenolens.io.columns import is_blank
from phenolens.vehicles import vehicle_name

# At 10 mM hardly anything is dissolved in medium; it is what compounds are stored at.
STOCK = 1e4
_MOLAR = {"": 1e6, "m": 1e3, "u": 1.0, "n": 1e-3, "p": 1e-6}
_WORDS = {"milli": "m", "micro": "u", "nano": "n", "pico": "p"}
_MICRO = str.maketrans({"µ": "u", "μ": "u"})
_CELL = re.compile(
    r"^[~≈=<>≤≥]*\s*(?P<number>[-+]?(?:\d+(?:[.,]\d+)*[.,]?|[.,]\d+)(?:[eE][-+]?\d+)?)\s*(?:[-_]\s*)?"
    r"(?P<unit>[^\d\s].*)?$"
)
_POWER = re.compile(r"(?<=\d)\s*[x×*·]\s*10\s*(?:\^|\*\*)?\s*([-+−]?\d{1,2})\b", re.IGNORECASE)
_GROUPED = re.compile(r"^([~≈=<>≤≥]*\s*\d{1,3}(?:[\s'’]\d{3})+)(?!\d)")
_CONTINENTAL = re.compile(r"^[-+]?\d{1,3}(?:\.\d{3})+,\d+$")
_THOUSANDS = re.compile(r"^[-+]?[1-9]\d{0,2}(?:,\d{3})+(?:\.\d+)?$")
_MOLES = re.compile(
    r"^(?P<small>[munp])?"
    r"(?:m|mol(?:es?|ar)?(?:[ _]?(?:/|per|_)?[ _]?(?:l|lit(?:er|re)s?)(?:-1)?)?)$"
)

_AT_END = r"[0-9]+(?:[.,][0-9]+)? ?[munpµμ]?[Mm]"
DOSE_AT_END = rf"[ _@(-]({_AT_END})\)?$"
"""The dose that a compound's name ends in, as a pattern of a column: ``cpd1_10uM``."""
BEFORE_DOSE = rf"^(.+?)(?:[ _@(-]+{_AT_END}\)?)?$"
"""The name before its dose, or the whole of a name without one, such as DMSO."""


@dataclass(frozen=True)
class Doses:
    """Doses of a column.

    Attributes
    ----------
    values : Series of float64
        Micromolar; NaN where there is none, or none that can be read.
    unread : ndarray of bool
        Rows that say something that is no dose.
    with_unit : ndarray of bool
        Rows that give a unit of their own, which was read.
    factor : float
        Micromolar in the unit of the column's name.
    mass : str
        The unit of all cells, as the first spells it, where it is not molar; then values are in it.
    """

    values: pd.Series
    unread: np.ndarray
    with_unit: np.ndarray
    factor: float = 1.0
    mass: str = ""

    def implausible(self) -> np.ndarray:
        """Rows with the dose of a stock solution, or below zero."""
        values = self.values.to_numpy(float)
        return (values >= STOCK) | (values < 0)


def read_doses(values: pd.Series) -> Doses:
    """Doses of a column in micromolar.

    A unit in the cell (``0.3 uM``, ``30 nM``, ``1e-5 M``, ``10mM``) counts before that of the
    column's name (``dose_nM``, ``Concentration [mM]``, ``mmoles_per_liter``); without any, numbers
    are micromolar. Decimal commas are read (``30,0``); ``1,000`` is a thousand unless another cell
    shows that commas are decimal. A vehicle's name is no dose. Units of mass cannot be converted:
    where all cells have the same one, numbers are taken as they are.

    Examples
    --------
    >>> read_doses(pd.Series(["0.3 uM", "30 nM", "1e-5 M", "30,0", "DMSO"])).values.tolist()
    [0.3, 0.03, 10.0, 30.0, nan]
    >>> read_doses(pd.Series(["300-nM", "1 000 nM", "3x10^-6 M"])).values.tolist()
    [0.3, 1.0, 3.0]
    """
    whole = name_factor(str(values.name))
    if pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values):
        no = np.zeros(len(values), dtype=bool)
        return Doses(_rounded(values.astype(float) * whole), no, no, whole)
    values = values.map(lambda cell: cell if isinstance(cell, Hashable) else str(cell))
    said = {
        value: str(value).strip().translate(_MICRO)
        for value in pd.unique(values.astype(object))
        if not is_blank(value) and not vehicle_name(value)
    }
    cells = {value: _CELL.match(_plain(text)) for value, text in said.items()}
    commas = any(_is_decimal_comma(match["number"]) for match in cells.values() if match)
    odd = {_tidy_unit(m["unit"]) for m in cells.values() if m and unit_factor(m["unit"]) is None}
    alike = len(odd) == 1 and all(m and _tidy_unit(m["unit"]) in odd for m in cells.values())
    read, own = {}, set()
    for value, match in cells.items():
        if match is None:
            continue
        factor = (1.0 if alike else unit_factor(match["unit"])) if match["unit"] else whole
        number = _number(match["number"], commas=commas)
        if factor is not None and np.isfinite(number):
            read[value] = number * factor
            own |= {value} if match["unit"] else set()
    numbers = pd.Series([read.get(value, np.nan) for value in values], values.index, dtype=float)
    unread = np.array([value in said and value not in read for value in values], dtype=bool)
    with_unit = np.array([value in own for value in values], dtype=bool)
    mass = next((m["unit"] or "" for m in cells.values() if m), "").strip() if alike else ""
    return Doses(_rounded(numbers.rename(values.name)), unread, with_unit, whole, mass)


def names_dose(name: str) -> bool:
    """Whether a compound's name ends in a dose with its unit.

    Examples
    --------
    >>> names_dose("cpd1_10uM"), names_dose("taxol (0.3 nM)"), names_dose("BRD-K1_10")
    (True, True, False)
    """
    return re.search(DOSE_AT_END, name) is not None


def _rounded(numbers: pd.Series) -> pd.Series:
    return numbers.map(lambda dose: float(f"{dose:.6g}"))


def _plain(text: str) -> str:
    """The dose with ``3x10^-7`` as ``3e-7``, and ``1 000`` and ``1'000`` as ``1000``."""
    text = _POWER.sub(lambda found: "e" + found[1].replace("−", "-"), text)
    return _GROUPED.sub(lambda found: re.sub(r"[\s'’]", "", found[1]), text)


def _is_decimal_comma(number: str) -> bool:
    return "," in number and not _THOUSANDS.match(number)


def _number(text: str, *, commas: bool) -> float:
    if _CONTINENTAL.match(text):  # 1.000,5
        text = text.replace(".", "")
    if commas and text.count(",") == 1 and "." not in text:
        return float(text.replace(",", "."))
    try:
        return float(text.replace(",", ""))
    except ValueError:  # 1.2.3
        return np.nan


def _tidy_unit(unit: str | None) -> str:
    return re.sub(r"\s+", "", (unit or "").lower())


def unit_factor(unit: str | None) -> float | None:
    """Micromoles per litre in one of a unit; None where it is no molar unit.

    ``M`` alone is molar; ``m`` alone is not a unit.
    """
    text = (unit or "").strip().strip("()[].").translate(_MICRO)
    if not text or text == "m":
        return None
    text = text.lower()
    for word, letter in _WORDS.items():
        text = text.replace(word, letter)
    match = _MOLES.match(text)
    return None if match is None else _MOLAR[match["small"] or ""]


def name_factor(name: str) -> float:
    """Micromoles in the unit that a column's name ends in; 1 where it states none.

    Examples
    --------
    >>> name_factor("dose_nM"), name_factor("Metadata_mmoles_per_liter"), name_factor("dose")
    (0.001, 1000.0, 1.0)
    """
    text = name.strip().translate(_MICRO)
    if found := re.search(r"[(\[]([^)\]]+)[)\]]\s*$", text):
        return unit_factor(found[1]) or 1.0
    words = [word for word in re.split(r"[\s_.,:\-]+", text) if word]
    for first in range(1, len(words)):
        factor = unit_factor("_".join(words[first:]))
        if factor is not None:
            return factor
    named = [
        unit_factor(word) for word in words if word.lower().endswith(("mol", "moles", "molar"))
    ]
    return next((factor for factor in named if factor is not None), 1.0)
