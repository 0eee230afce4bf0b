"""What a biologist reads first: a few numbers and five answers."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from phenolens.answers import answers
from phenolens.answers.active import by_position, checks_of, no_single_hit, scored
from phenolens.answers.doubts import audited
from phenolens.answers.quality import lost_cells
from phenolens.answers.scores import asked, best_baseline
from phenolens.answers.tables import Tables
from phenolens.report.sections import Section, register
from phenolens.words import names
from phenolens.words.numbers import count, fixed, interval, missing, percent, plural, within


@dataclass(frozen=True)
class Headline:
    """A number with its unit and what it stands beside."""

    value: str
    label: str
    note: str = ""
    tone: str = "plain"


def view(tables: Tables) -> dict:
    cards = [_active(tables), _score(tables), _lost(tables), _audit(tables)]
    return {
        "cards": [card for card in cards if card],
        "answers": answers(tables),
    }


def size(tables: Tables) -> str:
    """One line on how large the screen is."""
    if tables.wells is None:
        return ""
    wells, controls = tables.wells, int(tables.controls.sum())
    parts = [
        plural(len(tables.treatments), "treatment") if tables.treatments else "no treatments named",
        plural(wells["Metadata_Plate"].nunique(), "plate"),
        plural(len(wells), "well"),
        f"{controls:,} of them controls" if controls else "no control wells",
    ]
    if "n_images" in wells and wells["n_images"].sum() > 0:
        parts.append(plural(int(wells["n_images"].sum()), "image"))
    if "n_cells" in wells and wells["n_cells"].sum() > 0:
        parts.append(plural(int(wells["n_cells"].sum()), "cell"))
    return " · ".join(parts)


def _active(tables: Tables) -> Headline | None:
    rows = tables.of_lead(tables.activity)
    if rows is None or rows["q"].isna().all():
        return None
    tested = rows[rows["q"].notna()]
    share, checks = no_single_hit(tables), checks_of(tables)
    if share is not None:
        low = share.values["low"]
        least = "none certain" if missing(low) or low <= 0 else f"at least {percent(low)}"
        return Headline(least, "of the treatments active", "no single hit can be named", "warn")
    value = f"{int(tested['active'].sum())} of {len(tested)}"
    what = "treatment" if len(tested) == 1 else "treatments"
    if any(check.severity == "warning" for check in checks):
        return Headline(value, f"{what} called active", "but the test calls controls too", "warn")
    if by_position(tested) is not None:
        return Headline(value, f"{what} called active", "position could explain it", "warn")
    row = scored(tables, "fraction_active")
    between = "" if row is None else interval(row["low"], row["high"], of=percent)
    sound = [check.values for check in checks if check.severity == "ok"]
    called = ", ".join(f"{check['called']} of {check['groups']}" for check in sound)
    notes = [
        f"95 % interval {between}" if between else "",
        f"✓ {called} groups of controls called" if sound else "",
    ]
    return Headline(value, f"{what} active", "; ".join(filter(None, notes)))


def _score(tables: Tables) -> Headline | None:
    for (task, metric, *_), scores in asked(tables):
        if task.startswith("classification") and metric == "balanced_accuracy":
            return _score_headline(scores)
    return None


def _score_headline(scores: pd.DataFrame) -> Headline:
    aside = [names.is_baseline(name) or names.is_noise(name) for name in scores.index]
    real = scores[[not one for one in aside]].dropna(subset=["value"])
    top, best = real.loc[real["value"].idxmax()], best_baseline(scores)
    if best is None:
        return Headline(
            fixed(top["value"]), "balanced accuracy", f"{names.label(top.name)}; no baseline"
        )
    note = f"{names.label(top.name)}; {within(names.label(best[0]))} reaches {fixed(best[1])}"
    beaten = not top["low"] > best[1]
    return Headline(fixed(top["value"]), "balanced accuracy", note, "warn" if beaten else "plain")


def _lost(tables: Tables) -> Headline | None:
    rows = tables.of_lead(tables.activity)
    if rows is None or rows["q"].isna().all():
        return None
    if "cell_count_ratio" not in rows or rows["cell_count_ratio"].isna().all():
        return None
    active = rows[rows["active"]]
    lost = int(lost_cells(active).sum()) if len(active) else 0
    return Headline(
        str(lost), "active with cell loss", "possible toxicity", "warn" if lost else "plain"
    )


def _audit(tables: Tables) -> Headline | None:
    if tables.audit is None:
        return Headline("none", "design audit", "the design was not audited", "warn")
    errors, warnings = (len(audited(tables, kind)) for kind in ("error", "warning"))
    if errors:
        what = "audit error" if errors == 1 else "audit errors"
        return Headline(str(errors), what, f"and {count(warnings, 'warning')}", "error")
    note = (
        f"of {count(len(tables.audit), 'check')} reported" if tables.audit else "nothing reported"
    )
    what = "audit warning" if warnings == 1 else "audit warnings"
    return Headline(str(warnings), what, note, "warn" if warnings else "plain")


register(
    Section(
        key="overview",
        title="Overview",
        order=10,
        view=view,
        template=Path(__file__).with_suffix(".html"),
    )
)
