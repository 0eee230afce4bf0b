"""Words by which a column's name tells that it describes the row: where, when, how much, which.

A name describes the row when it is made of such words alone: ``Row``, ``Time [s]``, ``n_cells``,
``log10 dose (uM)``, ``Number of Analyzed Fields``; never where another word is in it, as in
``Nuclei - Nucleus Area [µm²] - Mean per Well``.
"""

from __future__ import annotations

import re
from functools import lru_cache

from phenolens.io.columns import same_name

_WORDS = {
    "place": "row rows col cols column columns well wells position positions pos coordinate "
    "coordinates quadrant quadrants edge site sites field fields fov fovs tile tiles plane planes "
    "slice slices zslice zplane stack",
    "plate": "plate plates barcode barcodes batch batches run runs lane lanes experiment passage",
    "amount": "dose doses dosage conc concs concentration concentrations dilution dilutions "
    "molarity micromolar nanomolar millimolar seeding dispensed temperature co",
    "time": "time times timepoint timepoints hour hours hr hrs minute minutes day days week weeks "
    "month year date datetime timestamp hpi hpt duration age frame frames",
    "number": "rep reps replicate replicates repeat repeats count counts no ncells nobjects "
    "cellcount number numbers num nr id ids idx index indices uid cells nuclei objects images "
    "wellid plateid unnamed objectnumber imagenumber tablenumber",
    "label": "compound compounds treatment treatments drug perturbation pert target targets moa "
    "mechanism gene genes class classes cluster clusters label labels group groups fold folds "
    "split sample samples control controls guide sgrna donor patient clone",
    "with": "of per in by the on for a is total mean median sum name names type object image cell "
    "nucleus cytoplasm analyzed analysed valid abs absolute relative target set post after since "
    "exposure incubation elapsed treatment bio biological tech technical assay screen source "
    "stock nominal final start end first last min max unit units value values raw numeric integer "
    "letter letters nb n no x y z t h s m d um nm mm pm ug ng mg ml ul l dl g mol mmol umol nmol "
    "molar pct percent log ln code key order rank level ms sec secs seconds mins point points "
    "imaging imaged acquisition density volume",
    "alone": "x y z t n um nm mm pm molar",
}
PLACE, PLATE, AMOUNT, TIME, NUMBER, LABEL, WITH, ALONE = (
    frozenset(words.split()) for words in _WORDS.values()
)
DECIDING = PLACE | PLATE | AMOUNT | TIME | NUMBER
_COUNTS = frozenset(("count", "counts"))


@lru_cache(maxsize=65536)
def describes_row(name: str) -> bool:
    """Whether a column's name says where, when, how much or which, and nothing else; or counts."""
    words = _words(name)
    if words and _COUNTS.intersection((words[0], words[-1])):
        return True
    if len(words) == 1 and words[0] in ALONE:
        return not any(letter.isdigit() for letter in name)
    known = DECIDING | LABEL
    return bool(words) and known.union(WITH).issuperset(words) and not known.isdisjoint(words)


@lru_cache(maxsize=65536)
def names_place(words: str) -> bool:
    """Whether words say where, when or how much (``Plate``, ``Well``), and name no object."""
    said, known = _words(words), PLACE | PLATE | AMOUNT | TIME
    return known.union(WITH).issuperset(said) and not known.isdisjoint(said)


@lru_cache(maxsize=65536)
def numbers_rows(prefix: str) -> bool:
    """Whether numbered columns of a prefix (``dose_1``, ``dose_2``) are no embedding."""
    words = _words(prefix)
    return DECIDING.union(WITH).issuperset(words) and not DECIDING.isdisjoint(words)


def _words(name: str) -> list[str]:
    """Words of a name in small letters, parted at marks, digits and capitals; units stay whole."""
    apart = re.sub(r"(?<=[a-z]{2})(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z]{2})", " ", str(name))
    words = (part.strip("0123456789") or "" for part in same_name(apart).split("_"))
    return [word for word in words if word]
