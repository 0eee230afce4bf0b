"""From which dose on is a compound active, and are cells lost before?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.activity.dose import dose_response
from phenolens.evaluate.results import result_table
from phenolens.findings import Finding
from phenolens.io.doses import BEFORE_DOSE, DOSE_AT_END, Doses, names_dose, read_doses
from phenolens.profiles import COMPOUND, CONCENTRATION
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result

if TYPE_CHECKING:
    from anndata import AnnData


def dose(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles,
    *,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    features: str | Sequence[str] | None = None,
    layer: str | None = None,
    obsm: str | None = None,
    normalized: bool | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    trained_on: str | Sequence[str] | None = None,
    labels_seen: str | Sequence[str] | None = None,
    compound: str | None = None,
    concentration: str | None = None,
    seed: int | None = None,
) -> Result:
    """Fit the distance from controls by dose: benchmark dose, trend, and loss of cells.

    The distance of a well from its plate's controls is measured in standard deviations of controls;
    an isotonic curve over doses gives the dose at which it reaches three of them.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles
        Profiles, one row a well (cells and fields become wells); see :func:`phenolens.read`.
    same_by : str or list of str, optional
        Columns that name a perturbation; found by their usual names by default.
    controls : str or list of bool, optional
        Query for negative controls, or a mask; by convention by default.
    features : str or list of str, optional
        Prefix of the feature columns, or their names; by convention by default.
    layer, obsm : str, optional
        Layer or embedding of an AnnData to take instead of ``X``.
    normalized : bool, optional
        Whether the profiles were scaled on controls already; the values tell by default.
    same_plate, distinct_plates : str or list of str, optional
        Plates that are one, measured again (``"P1=P1_again"``), and plates that are not.
    measurement : str, optional
        Which of several measurements of a well counts: a query, or ``"average"``.
    trained_on, labels_seen : str or list of str, optional
        Wells and labels of this screen that the features learned from; see :func:`phenolens.read`.
    compound : str, optional
        Column that names a compound without its dose; found by its usual name by default.
    concentration : str, optional
        Column of the dose, positive, on its natural scale; found by its usual name by default.
        Units in its cells (``0.3 uM``, ``30 nM``) or its name are read; results are in micromolar.
    seed : int, optional
        Seed of all draws [0, or what the study used].

    Returns
    -------
    Result
        ``table``: one row a compound: ``n``, ``doses``, ``distance_top`` (at the highest dose),
        ``benchmark_dose`` with ``low`` and ``high``, ``rho`` (Spearman), ``p``, ``q``,
        ``cell_loss_dose``, ``order`` (what comes first).

    Raises
    ------
    DesignError
        If no compound has three doses, or there are too few controls.
    InputError
        If the data or a column cannot be used.
    ConfigError
        If a setting has a value it cannot have.

    References
    ----------
    Crump, Fundam. Appl. Toxicol. 4:854 (1984), for the benchmark dose; Nyffeler et al., Toxicol.
    Appl. Pharmacol. 389:114876 (2020), for its use with Cell Painting.

    Examples
    --------
    >>> import numpy as np
    >>> import pandas as pd
    >>> import phenolens as pl
    >>> plate = pd.DataFrame(
    ...     {"Metadata_Well": [f"{'ABCD'[n // 7]}{n % 7 + 1:02d}" for n in range(28)],
    ...      "Metadata_Compound": ["DMSO"] * 16 + ["taxol"] * 12,
    ...      "Metadata_Dose": [np.nan] * 16 + [0.1, 1.0, 10.0] * 4}
    ... )
    >>> screen = pd.concat([plate.assign(Metadata_Plate=name) for name in ("P1", "P2", "P3")])
    >>> values = np.random.default_rng(0).normal(size=(84, 20))
    >>> values += 8.0 * (screen[["Metadata_Dose"]] > 5).to_numpy()
    >>> screen[[f"Cells_Texture_T{n}" for n in range(20)]] = values
    >>> found = pl.dose(screen, concentration="Metadata_Dose").table
    >>> found[["Metadata_Compound", "doses", "benchmark_dose", "order"]].round(1)
      Metadata_Compound  doses  benchmark_dose              order
    0             taxol      3             1.4  cells not counted
    """
    item = read(
        data, same_by=same_by, controls=controls, features=features, layer=layer, obsm=obsm,
        normalized=normalized, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement,
        trained_on=trained_on, labels_seen=labels_seen, seed=seed,
    )  # fmt: skip
    wells = item.require_whole()
    item.require_controls()
    who = item.column(compound, setting="compound", usual=COMPOUND)
    how = item.column(concentration, setting="concentration", usual=CONCENTRATION)
    for name, setting in ((who, "compound"), (how, "concentration")):
        if name not in wells.index.names or pd.isna(profiles.column(wells, name)).all():
            raise DesignError(_no_dose(item, wells, setting=setting, compound=who))
    wells, findings = _in_micromolar(wells, how)
    found = dose_response(
        wells, same_by=[who], dose=how, controls=profiles.is_control(wells),
        seed=item.settings.seed,
    )  # fmt: skip
    table = found.table.assign(space=item.space)
    table.insert(0, "representation", item.name)
    reached = table["benchmark_dose"].notna() & (table["benchmark_dose"] < float("inf"))
    whole = {
        "representation": item.name,
        "compounds": len(table),
        "with_benchmark_dose": int(reached.sum()),
        "rising": int((table["q"] < item.settings.alpha).sum()),
        "space": item.space,
    }
    return Result(
        question="dose",
        table=table,
        summary=whole | found.summary,
        findings=(
            *item.findings,
            *findings,
            *item.position_findings,
            *item.dose_findings,
            *item.space_findings(),
        ),
        settings=item.settings_with(compound=who, concentration=how),
        scores=result_table([]),
    )


def _no_dose(item: Profiles, wells: pd.DataFrame, *, setting: str, compound: str) -> Finding:
    """Why no well has a dose: its column holds words, or the names of compounds hold the doses."""
    about, known = {"representation": item.name}, profiles.metadata(wells)
    unread = [found for found in item.findings if found.code == "doses-not-read"]
    if setting == "concentration" and unread:
        column = str(unread[0].values["source"])
        told = [text.partition(": ")[2].strip("'") for text in unread[0].values["examples"]]
        values = {"column": column, "examples": list(dict.fromkeys(told))}
        return Finding("doses-are-words", "error", about, values)
    if setting == "concentration" and compound in known:
        treated = known.loc[~profiles.is_control(wells), compound].dropna().unique()
        dosed = [name for name in map(str, treated) if names_dose(name)]
        if 2 * len(dosed) > len(treated):
            named = [one for one in item.findings if one.code == "treatments-by-name"]
            column = str(named[0].values["column"]) if named else compound
            values = {"column": column, "examples": dosed[:2]}
            values |= {"compound": f"{column} ~ {BEFORE_DOSE}", "dose": f"{column} ~ {DOSE_AT_END}"}
            return Finding("doses-in-names", "error", about, values)
    return Finding("no-dose", "error", about, {"setting": setting})


def _in_micromolar(wells: pd.DataFrame, name: str) -> tuple[pd.DataFrame, list[Finding]]:
    """The wells with doses as numbers, and what of the treated wells' doses is doubtful."""
    said = pd.Series(profiles.column(wells, name), name=name)
    treated = ~profiles.is_control(wells)
    no = np.zeros(len(said), dtype=bool)  # the canonical column was read with the table
    read = Doses(said, no, no) if name == CONCENTRATION else read_doses(said)
    doses, findings = read.values.to_numpy(float), []
    unread = treated & ~(doses > 0)
    shown = said[unread & read.unread].head(1).tolist()
    if shown and unread[treated].all():
        raise InputError(
            f"Column {name!r} holds no positive number for a treated well; got {shown[0]!r}. Doses "
            "are numbers, with their unit in the cell or in the column's name."
        )
    if unread.any():
        counts = {"wells": int(unread.sum()), "treated": int(treated.sum())}
        values = counts | {"example": shown[0] if shown else None}
        findings.append(Finding("wells-without-dose", "warning", {}, values))
    known = CONCENTRATION in wells.index.names and np.array_equal(
        doses, profiles.column(wells, CONCENTRATION).astype(float), equal_nan=True
    )  # then doubted when the table was read
    if not known and (high := treated & read.implausible()).any():
        values = {"wells": int(high.sum()), "examples": [said[high].iloc[0]], "of": "question"}
        findings.append(Finding("doses-implausible", "warning", {"column": name}, values))
    return profiles.with_metadata(wells, {name: doses}), findings
