"""The command `audit`: the defects of a study, ours or somebody else's."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

Study = Annotated[
    Path | None, typer.Argument(help="A study file, or the folder of a finished study.")
]
Tables = Annotated[
    Path | None,
    typer.Option("--tables", help="Folder of exported files: design.toml, rows.csv, ..."),
]
Output = Annotated[Path | None, typer.Option("-o", "--output", help="Findings as JSON.")]
Out = Annotated[Path | None, typer.Option("--out", help="Results of STUDY [default: <stem>-out].")]
Strict = Annotated[bool, typer.Option("--strict", help="Exit with 1 when there are errors.")]


def audit(
    study: Study = None,
    tables: Tables = None,
    output: Output = None,
    out: Out = None,
    strict: Strict = False,
) -> None:
    """Name the defects of a study: of its design, its tables and what it declares."""
    from phenolens.errors import InputError
    from phenolens.study import auditing

    if (study is None) == (tables is None):
        raise InputError("Give either STUDY or --tables DIR.")
    if tables is not None:
        findings = auditing.audit_tables(tables)
    else:
        findings = auditing.audit_study(study, out=out)
    for line in auditing.tell_audit(findings):
        typer.echo(line)
    if output is not None:
        auditing.write_audit(findings, output)
        typer.echo(f"Wrote {output}")
    if strict and auditing.has_errors(findings):
        raise typer.Exit(1)
