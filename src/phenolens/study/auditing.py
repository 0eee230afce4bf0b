"""Verb `audit`: the defects of a study, ours or somebody else's, the gravest first."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

import pandas as pd

from phenolens import profiles
from phenolens.answers.read import read_finding
from phenolens.audit.audit import audit_design
from phenolens.audit.basis import AuditFinding, merged, seen, unchecked
from phenolens.audit.kinds import audit_folder
from phenolens.audit.results.audit import audit_results
from phenolens.errors import DamagedError, InputError, named
from phenolens.files import read_json, write_json
from phenolens.findings import MARKS, SEVERITIES, Finding
from phenolens.places import is_url
from phenolens.profiles import PLATE, WELL
from phenolens.remote.folder import sent_to
from phenolens.study.remote_results import is_results_url, results_here
from phenolens.tools.read import read
from phenolens.tools.representation import Profiles
from phenolens.tools.result import Result
from phenolens.tools.training import audited_block, training_findings

if TYPE_CHECKING:
    from anndata import AnnData

COLUMNS = ("code", "severity", "where", "what", "consequence", "remedy", "basis")


def audit(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles | None = None,
    *,
    tables: str | Path | None = None,
    same_by: str | Sequence[str] | None = None,
    controls: str | Sequence[bool] | None = None,
    same_plate: str | Sequence[str] | None = None,
    distinct_plates: str | Sequence[str] | None = None,
    measurement: str | None = None,
    out: str | Path | None = None,
    changes: Sequence[str] = (),
) -> Result:
    """Name the defects of a study: of its design, its tables and what it declares.

    Parameters
    ----------
    data : path, list of paths, DataFrame, AnnData or Profiles, optional
        A study file (``.toml``), the folder of a finished study, or profiles, whose design is then
        audited as :func:`phenolens.read` sees it.
    tables : path, optional
        Instead of `data`: a folder of files that somebody exported (``docs/audit.md``).
    same_by : str or list of str, optional
        For profiles: columns that name a perturbation.
    controls : str or list of bool, optional
        For profiles: query for negative controls, or a mask.
    same_plate, distinct_plates : str or list of str, optional
        For profiles: plates that are one, measured again (``"P1=P1_again"``), and plates that are
        not.
    measurement : str, optional
        For profiles: which of several measurements of a well counts: a query, or ``"average"``.
    out : path, optional
        Results of the study file; by default ``<stem>-out``.
    changes : sequence of str
        Settings in the place of the study file's; see :func:`phenolens.open_study`.

    Returns
    -------
    Result
        ``table``: one row a finding, the gravest first: ``code``, ``severity``, ``where``,
        ``what``, ``consequence``, ``remedy``, ``basis``. ``summary`` counts them by severity.

    Raises
    ------
    InputError
        If neither or both of `data` and `tables` are given, or they cannot be used.

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, _ = pl.simulate_profiles(layout="fixed", seed=1)
    >>> found = pl.audit(screen).table.set_index("code")
    >>> found.loc["layout-confounded", "severity"]
    'error'
    """
    findings = audit_findings(
        data, tables=tables, same_by=same_by, controls=controls, same_plate=same_plate,
        distinct_plates=distinct_plates, measurement=measurement, out=out,
        changes=changes,
    )  # fmt: skip
    return as_result(findings, same_by=same_by, out=out)


def as_result(findings: list[AuditFinding], **settings: Any) -> Result:
    """Findings as the result of the question, one row each, with the settings they came of."""
    rows = [finding.to_dict() for finding in findings]
    return Result(
        question="audit",
        table=pd.DataFrame([{name: row[name] for name in COLUMNS} for row in rows]),
        summary={name: sum(f.severity == name for f in findings) for name in SEVERITIES},
        settings=settings,
    )


def audit_findings(
    data: str | Path | Sequence[str | Path] | pd.DataFrame | AnnData | Profiles | None = None,
    *,
    tables: str | Path | None = None,
    out: str | Path | None = None,
    changes: Sequence[str] = (),
    **reading: Any,
) -> list[AuditFinding]:
    """The findings behind :func:`audit`, which takes the same, the gravest first.

    Parameters
    ----------
    data, tables, out, changes
        As of :func:`audit`.
    **reading
        How profiles are read; see :func:`phenolens.read`.
    """
    if (data is None) == (tables is None):
        raise InputError(f"Hand in either a study or profiles, or a folder with {named('tables')}.")
    if tables is not None:
        return audit_folder("tables", Path(tables))
    if _is_study(data):
        return audit_study(data, out=out, changes=changes)
    item = read(data, **reading)
    wells, roles = profiles.metadata(item.table), item.design.role_of(item.table).to_numpy()
    own = [audited_block(item.block)]
    found = audit_design(wells, folds=item.design.folds, roles=roles, blocks=own)
    return seen([*found, *training_findings(item.block)])


def _is_study(data: object) -> TypeGuard[str | Path]:
    if not isinstance(data, str | Path) or not str(data):
        return False
    return Path(data).suffix == ".toml" or Path(data).is_dir() or is_results_url(data)


def audit_study(
    study: str | Path, *, out: str | Path | None = None, changes: Sequence[str] = ()
) -> list[AuditFinding]:
    """Audit a study of ours: its design, and what its results show where there are any.

    Parameters
    ----------
    study : path
        A study file, or a folder that a study wrote.
    out : path, optional
        Folder of the results, beside a study file; by default ``<stem>-out``.
    changes : sequence of str
        Settings in the place of the study file's; see :func:`phenolens.open_study`.

    Raises
    ------
    InputError
        If a folder holds no study.
    """
    study = results_here(study) if is_results_url(study) else Path(study)
    if study.is_dir():
        folder, findings = study, _of_folder(study)
    else:
        folder, findings = _of_file(study, out, changes)
    return merged(seen([*findings, *_of_blocks(folder)]), _of_results(folder))


def _of_file(
    study: Path, out: str | Path | None, changes: Sequence[str]
) -> tuple[Path, list[Finding]]:
    from phenolens.study.session import open_study
    from phenolens.study.step import take

    session = open_study(study, out=out, changes=changes)
    return session.out, take(session, "check")


def _of_folder(folder: Path) -> list[Finding]:
    """The design audit of the wells that a study left."""
    path = folder / "wells.parquet"
    if not path.is_file():
        raise InputError(
            f"{folder} holds no wells.parquet, so it is no finished study. Name its study file, or "
            f"hand files of other tools in with {named('tables')}."
        )
    wells = profiles.read_frame(path)
    images = wells.set_index([PLATE, WELL])["n_images"] if "n_images" in wells else None
    return audit_design(
        wells,
        folds=wells[[PLATE, WELL, "fold"]] if "fold" in wells else None,
        roles=wells["role"].to_numpy() if "role" in wells else None,
        images_per_well=images,
    )


def _of_blocks(folder: Path) -> list[Finding]:
    """What profiles made elsewhere showed, where the study has compared them."""
    path = folder / "blocks.json"
    try:
        return [read_finding(item) for item in read_json(path)] if path.is_file() else []
    except (ValueError, KeyError, TypeError) as error:
        raise DamagedError(path, f"{type(error).__name__}: {error}") from None


def _of_results(folder: Path) -> list[AuditFinding]:
    path = folder / "results.parquet"
    if not path.is_file():
        return [unchecked("results", "results", file=str(path))]
    return audit_results(profiles.read_frame(path))


def write_audit(findings: list[AuditFinding], path: str | Path) -> None:
    """Write findings as a JSON list, the gravest first."""
    told = [finding.to_dict() for finding in findings]
    if is_url(path):
        with sent_to(path) as file:
            write_json(file, told)
        return
    write_json(path, told)


def audit_lines(findings: list[AuditFinding]) -> Iterator[str]:
    """A line a finding, its consequence and remedy indented below, and one line that counts."""
    for finding in findings:
        basis = "" if finding.basis == "nothing" else f" [{finding.basis}]"
        said = finding.said
        yield f"{MARKS[finding.severity]} {finding.code}{basis}: {said.what}"
        yield from (f"    {text}" for text in (said.consequence, said.remedy) if text)
    counts = {name: sum(f.severity == name for f in findings) for name in SEVERITIES}
    words = {"error": "errors", "warning": "warnings", "info": "notes", "ok": "in order"}
    yield ", ".join(f"{counts[name]} {words[name]}" for name in SEVERITIES)


def has_errors(findings: list[AuditFinding]) -> bool:
    """Whether any answer that was printed does not hold."""
    return any(finding.severity == "error" for finding in findings)
