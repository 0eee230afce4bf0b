"""Where should treatments and controls lie, and what could such a design show?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from anndata import AnnData

    from phenolens.tools.representation import Profiles
    from phenolens.tools.result import Result


def design(
    treatments: int | str | Path | Sequence[str] | pd.DataFrame,
    *,
    replicates: int = 4,
    wells: int = 384,
    controls: str | Sequence[str] | Mapping[str, int] | None = None,
    positives: str | Sequence[str] | Mapping[str, int] | None = None,
    plates: int | None = None,
    empty_edge: bool = False,
    barcodes: Sequence[str] | None = None,
    pilot: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles | None = None,
    active: float = 0.1,
    permutations: int | None = None,
    alpha: float | None = None,
    seed: int = 0,
    output: str | Path | None = None,
    force: bool = False,
) -> Result:
    """Propose plate layouts, and say what activity could find with them.

    Each replicate plate is scrambled anew, then wells trade places until replicates of a treatment
    lie apart in position, row and column and share the edge evenly, and doses of a compound lie
    apart on their plate. Controls stand in as many rows and columns as they can. Wells that are
    not needed are left empty at the edge. The layout is audited as a finished screen would be.

    Parameters
    ----------
    treatments : int, path, list of str or DataFrame
        A table of compounds (CSV, Excel or Parquet; a row a treatment), with their concentrations
        where there are several; or how many treatments there are.
    replicates : int
        Wells of each treatment, each on a plate of its own unless `plates` says otherwise.
    wells : int
        Wells of a plate: 96, 384 or 1536.
    controls : str, list of str or mapping, optional
        Negative controls and their wells on every plate: ``"DMSO=32"``. By default DMSO in a
        twelfth of the wells, 12 or more.
    positives : str, list of str or mapping, optional
        Positive controls and their wells on every plate: ``"taxol=4"``.
    plates : int, optional
        Plates in all; by default as few as hold every replicate on a plate of its own. Fewer than
        replicates put several wells of a treatment on a plate.
    empty_edge : bool
        Leave the outermost wells of every plate empty.
    barcodes : list of str, optional
        Names of the plates, in order; by default P01, P02, ...
    pilot : path, list of paths, DataFrame, AnnData or Profiles, optional
        Profiles of an earlier plate or more, whose controls tell the noise and what position does.
    active : float
        Share of treatments taken to have an effect, for the power at q.
    permutations : int, optional
        Labellings that activity draws [10,000].
    alpha : float, optional
        Level of p and of the false discovery rate [0.05].
    seed : int
        The same seed gives the same layout.
    output : path, optional
        Folder that plate maps are written to; none are by default.
    force : bool
        Replace plate maps of another design that are there already.

    Returns
    -------
    Result
        ``table``: one row a well in use: ``Metadata_Plate``, ``_Well``, ``_Treatment``,
        ``_Compound``, ``_Concentration`` (where given), ``_Control``, ``_pert_type``
        (``trt``, ``negcon`` or ``poscon``), ``_Set`` (of replicate plates). ``summary``: plates,
        the smallest p and whether it lets single hits be named, power. ``more["power"]``: power by
        size of effect, in standard deviations of the noise. ``findings``: what position could still
        explain, and what the numbers take for granted.

    Raises
    ------
    DesignError
        If the treatments do not fit the plates, or the pilot has too few controls.
    InputError
        If the table of treatments, a control or the pilot cannot be used.
    ConfigError
        If a setting has a value it cannot have, or other plate maps are in the folder.

    Examples
    --------
    >>> import phenolens as pl
    >>> proposed = pl.design(40, wells=96, controls="DMSO=12", output="maps")
    >>> proposed.summary["plates"], proposed.summary["p_attainable"]
    (4, 0.0016)
    >>> proposed.table.groupby("Metadata_Treatment").size().drop("DMSO").unique().tolist()
    [4]
    """
    from phenolens.io.treatments import read_treatments
    from phenolens.plating.maps import map_texts, require_free, write_maps
    from phenolens.plating.plan import Plan
    from phenolens.settings import Settings, in_range, share
    from phenolens.tools import plate_findings, plate_table
    from phenolens.tools.result import Result

    chosen: dict[str, Any] = {
        "permutations": permutations,
        "alpha": alpha,
        "seed": in_range("seed", seed),
    }
    settings = Settings(**{name: value for name, value in chosen.items() if value is not None})
    listed = read_treatments(treatments)
    negative = plate_table.control_wells("controls", controls, usual=max(12, wells // 12))
    positive = plate_table.control_wells("positives", positives)
    plate_table.require_apart(listed, negative, positive)
    plan = Plan(
        compounds=plate_table.compound_codes(listed),
        replicates=in_range("replicates", replicates),
        wells=wells,
        controls=(*negative.values(), *positive.values()),
        plates=plates,
        empty_edge=empty_edge,
    )
    names = plate_table.plate_names(plan, barcodes)
    table, findings, layout = plate_table.audited(
        plan=plan,
        listed=listed,
        negative=negative,
        positive=positive,
        names=names,
        seed=settings.seed,
    )
    texts = map_texts(plate_table.plate_maps(table, listed, negative, positive))
    if output is not None and not force:
        require_free(texts, Path(output))
    active = share("active", active)
    summary, found, power = plate_findings.design_findings(
        table,
        findings,
        layout,
        plan=plan,
        listed=listed,
        negative=negative,
        positive=positive,
        pilot=pilot,
        active=active,
        settings=settings,
    )
    doubts = [doubt.finding(of="list") for doubt in listed.doubts]
    result = Result(
        question="design",
        table=table,
        summary=summary,
        findings=(*doubts, *found),
        settings={
            "replicates": replicates, "wells": wells, "controls": negative, "positives": positive,
            "plates": len(names), "empty_edge": empty_edge, "active": active,
            "permutations": settings.permutations, "alpha": settings.alpha, "seed": settings.seed,
        },
        more={} if power is None else {"power": power},
    )  # fmt: skip
    if output is not None:
        write_maps(texts, Path(output), about=result.to_dict())
    return result
