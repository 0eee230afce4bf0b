"""Image files that do not belong together, by their headers."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import pandas as pd

from phenolens.audit.audit import check
from phenolens.audit.audited import Audited
from phenolens.findings import Finding, Severity
from phenolens.io.images.image_headers import CODES, DTYPE, PIXEL, SAME, SIZE, ImageHeaders


@check(120)
def check_image_files(design: Audited) -> Iterable[Finding]:
    """Sizes, depths, pixel sizes, colour and compression that differ or mislead."""
    headers = design.headers
    if headers is None:
        return
    yield from _damaged(headers)
    yield from _torn(headers)
    for aspect in (SIZE, DTYPE, PIXEL):
        yield from _differing(headers, aspect)
    table = headers.table
    for colour, part in table[table["colour"] != ""].groupby("colour"):
        yield _of("images-in-colour", "warning", part, {"colour": colour})
    if table["lossy"].any():
        yield _of("images-lossy", "warning", table[table["lossy"]])
    yield from _pixel_size(headers)
    yield from _alike(headers)


def _of(code: str, severity: Severity, part: pd.DataFrame, values: dict | None = None) -> Finding:
    """A finding about images and stains: how many files, and where, with the first as example."""
    first = part.iloc[0]
    place = {n: str(first[n]) for n in ("plate", "well", "site", "channel", "file")}
    wells = part["plate"].astype(str) + "/" + part["well"].astype(str)
    values = {"files": int(part["file"].nunique()), "example": place} | (values or {})
    return Finding(code, severity, {"well": tuple(dict.fromkeys(wells))}, values)


def _damaged(headers: ImageHeaders) -> Iterator[Finding]:
    damaged = headers.table[headers.table["fault"] != ""]
    if len(damaged):
        yield _of("images-damaged", "warning", damaged, {"fault": damaged["fault"].iloc[0]})


def _torn(headers: ImageHeaders) -> Iterator[Finding]:
    table, torn = headers.table, headers.torn
    if not len(torn):
        return
    first = torn[torn["row"] == torn["row"].iloc[0]]
    images = int(torn["row"].nunique())
    values = {
        "images": images,
        "sizes": dict(zip(first["channel"], first[SIZE], strict=True)),
        "all": images == table["row"].nunique(),
    }
    unusual = torn[torn[SIZE] != headers.usual(SIZE).iloc[0]]
    yield _of("stains-differ-in-size", "error" if values["all"] else "warning", unusual, values)


def _differing(headers: ImageHeaders, aspect: str) -> Iterator[Finding]:
    groups = headers.groups(aspect)
    if len(groups) < 2:
        return
    unlike = headers.unlike(aspect)
    kept = headers.keep or (aspect == SIZE and headers.level != "field")
    apart = set(unlike["row"]) & set(headers.set_aside()[0])
    values = {"groups": groups, "images": len(apart), "kept": kept}
    yield _of(CODES[aspect], "warning", unlike, values)


def _pixel_size(headers: ImageHeaders) -> Iterator[Finding]:
    table, said = headers.table, headers.said_um
    wrong = table[table["resolution"] != ""]
    if len(wrong):
        yield _of("resolution-ignored", "info", wrong, {"said": wrong["resolution"].iloc[0]})
    known = table[table[PIXEL].notna()]
    if said is None:
        if headers.agreed_um is not None:
            values = {"size": headers.agreed_um, "files": int(known["file"].nunique())}
            yield Finding("pixel-size-taken", "info", {}, values)
        return
    other = known[(known[PIXEL] - said).abs() > SAME * said]
    if len(other):
        values = {"said": said, "found": float(other[PIXEL].iloc[0])}
        yield _of("pixel-size-contradicts", "warning", other, values)


def _alike(headers: ImageHeaders) -> Iterator[Finding]:
    """What all files are, and how many were looked at."""
    table = headers.table
    if len(table) < headers.planes:
        values = {"looked_at": len(table), "planes": headers.planes, "remote": headers.remote}
        yield Finding("headers-sampled", "info", {}, values)
    if not len(table) or any(len(headers.groups(aspect)) > 1 for aspect in CODES):
        return
    usual = headers.usual(DTYPE).dropna()
    if usual.nunique() == 1 and headers.groups(SIZE):
        bits = table["bits"].dropna()
        values = {
            "files": int(table["file"].nunique()),
            "size": headers.groups(SIZE)[0]["what"],
            "dtype": str(usual.iloc[0]),
            "bits": int(bits.max()) if len(bits) else 0,
        }
        yield Finding("image-files-alike", "ok", {}, values)
