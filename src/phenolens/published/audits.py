"""The audit of files that somebody exported from a notebook: ``phenolens audit --tables``."""

from __future__ import annotations

from pathlib import Path

from pydantic import TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from phenolens.audit.basis import AuditFinding, gravest_first
from phenolens.audit.kinds import auditor
from phenolens.errors import InputError
from phenolens.published.audit.audit import audit_declared
from phenolens.published.audit.declaration import Declaration
from phenolens.published.audit.declared import Declared
from phenolens.published.audit.read import read_design, read_tables


@auditor("tables")
def audit_tables(folder: str | Path) -> list[AuditFinding]:
    """Audit the files somebody exported from a notebook.

    Parameters
    ----------
    folder : path
        Holds ``design.toml`` or ``rows.csv``, and what else ``docs/audit.md`` lists.

    Returns
    -------
    list of AuditFinding
        The gravest first.

    Raises
    ------
    InputError
        If a file cannot be used.
    """
    folder = Path(folder)
    declaration = read_declaration(folder / "design.toml")
    found = read_tables(folder, label=declaration.study.label, controls=declaration.study.controls)
    _known_names(declaration, found.embeddings)
    findings = audit_declared(
        Declared(declaration, found.rows, found.embeddings, trained=found.trained, maps=found.maps)
    )
    if found.unread:
        about = {"file": list(found.unread)}
        findings.append(AuditFinding("unread-files", "info", about))
    return gravest_first(findings)


def read_declaration(path: Path) -> Declaration:
    """A ``design.toml``, checked; an empty design where the file does not exist.

    Raises
    ------
    InputError
        If it is not TOML, or has a key or value that is not known; each is named with its place.
    """
    if not path.is_file():
        return Declaration()
    try:
        return TypeAdapter(Declaration).validate_python(read_design(path))
    except ValidationError as error:
        raise InputError(f"{path}: {'; '.join(map(_fault, error.errors()))}") from None


def _fault(item: ErrorDetails) -> str:
    place = ".".join(map(str, item["loc"]))
    if item["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        return f"'{place}' is not a key we know (see docs/audit.md)"
    return f"'{place}': {item['msg']} (got {item['input']!r})"


def _known_names(declaration: Declaration, embeddings: dict) -> None:
    """Blocks of a table that is not there are a slip of the pen, unless scaling is declared."""
    lost = [
        item.name
        for item in declaration.representations
        if item.blocks and item.name not in embeddings and item.scaled is None
    ]
    if lost:
        raise InputError(
            f"design.toml names blocks of {', '.join(lost)}, but there is no embeddings_{lost[0]} "
            "file. Add it, or say 'scaled = false' or 'true'."
        )
