"""The design audit in full, the gravest findings first."""

from __future__ import annotations

from pathlib import Path

from phenolens.answers.doubts import findings
from phenolens.answers.tables import Tables
from phenolens.report.sections import Section, register

SEVERITIES = {"error": "Error", "warning": "Warning", "info": "Note", "ok": "Fine"}


def view(tables: Tables) -> dict:
    if tables.audit is None:
        return {"findings": None, "fine": []}
    ordered = findings(tables, *SEVERITIES)
    others = [f for f in tables.audit if f.get("severity") not in SEVERITIES]
    shown = [_shown(finding) for finding in [*ordered, *others]]
    return {
        "findings": [finding for finding in shown if finding["severity"] != "ok"],
        "fine": [finding for finding in shown if finding["severity"] == "ok"],
    }


def _shown(finding: dict) -> dict:
    severity = str(finding.get("severity", ""))
    texts = {
        name: str(finding.get(name) or "") for name in ("what", "consequence", "remedy", "code")
    }
    where = finding.get("where") or ""
    return texts | {
        "severity": severity,
        "label": SEVERITIES.get(severity, severity.capitalize()),
        "where": ", ".join(map(str, where)) if isinstance(where, list) else str(where),
    }


register(
    Section(
        key="audit",
        title="Design audit",
        order=110,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
