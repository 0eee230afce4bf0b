"""Write ``licences.md``: under which licence each dependency is, as its own metadata says.

    python docs/licences.py

Run it in an environment made from ``requirements.lock``.
"""

from __future__ import annotations

import re
import tomllib
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs" / "licences.md"
COPYLEFT = re.compile(r"\bA?GPL|GNU (Affero )?General Public", re.IGNORECASE)
# Of packages that requirements.lock leaves to who wants them, as their pages on PyPI say.
ELSEWHERE = {
    "bioio": "BSD-3-Clause",
    "tensorboard": "Apache-2.0",
    "cellpose": "BSD-3-Clause",
    "gcsfs": "BSD-3-Clause",
    "harmonypy": "GPL-3.0-or-later",
    "ipykernel": "BSD-3-Clause",
    "myst-nb": "BSD-3-Clause",
    "numpydoc": "BSD-2-Clause",
    "pydata-sphinx-theme": "BSD-3-Clause",
    "sphinx": "BSD-2-Clause",
}
FORMS = {
    "MIT": "Permission is hereby granted, free of charge",
    "BSD-3-Clause": "may be used to endorse or promote products",
    "BSD-2-Clause": "Redistributions in binary form must reproduce",
    "Apache-2.0": "Apache License",
    "GPL": "GNU GENERAL PUBLIC LICENSE",
}
SHORT = {
    "BSD License": "BSD",
    "MIT License": "MIT",
    "Apache Software License": "Apache-2.0",
    "Python Software Foundation License": "PSF-2.0",
    "GNU General Public License (GPL)": "GPL-2.0-or-later",
    "Apache 2.0 License": "Apache-2.0",
}
INTRO = """\
# Licences

phenolens is under the [BSD 3-Clause licence](https://spdx.org/licenses/BSD-3-Clause.html). It ships
nothing of what it builds on: pip fetches each package from its authors, under the licence that its
own metadata names. `python docs/licences.py` writes this page.

**GPL.** {gpl}

Plugins by which bioio reads single microscopes' files have licences of their own (`bioio-czi` and
`bioio-lif` are GPL-3.0); none is a dependency here.
"""


def direct() -> dict[str, list[str]]:
    """Names of the packages that ``pyproject.toml`` asks for, by extra; "" for all."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    asked = {"": project["dependencies"], **project["optional-dependencies"]}
    return {extra: sorted(map(_name, lines)) for extra, lines in asked.items()}


def locked() -> list[str]:
    lines = (ROOT / "requirements.lock").read_text().splitlines()
    return sorted(_name(line) for line in lines if line and line[0] not in "#-")


def _name(line: str) -> str:
    found = re.match(r"[\w.-]+", line)
    assert found is not None, line
    return re.sub(r"[-_.]+", "-", found[0]).lower()


def licence(name: str) -> str | None:
    """What the metadata of an installed package says; None where it is not installed."""
    try:
        about = metadata.metadata(name)
    except metadata.PackageNotFoundError:
        return ELSEWHERE.get(name)
    if said := about.get("License-Expression"):
        return said
    kinds = [k.split(" :: ")[-1] for k in about.get_all("Classifier", []) if k[:7] == "License"]
    said = (about.get("License") or "").strip()
    if not said or "\n" in said or len(said) > 40:
        said = next((kind for kind in kinds if kind != "OSI Approved"), "") or _form(name, said)
    return SHORT.get(said, said) or None


def _form(name: str, said: str) -> str:
    """The licence by the sentence of its text that only it has."""
    files = metadata.files(name) or []
    texts = [f.read_text() for f in files if re.match(r"(?i)(.*/)?(licen[cs]e|copying)", str(f))]
    whole = " ".join(" ".join([said, *filter(None, texts)]).split())
    return next((form for form, sentence in FORMS.items() if sentence in whole), "")


def page() -> str:
    asked = direct()
    copyleft = {
        name: [extra for extra, names in asked.items() if name in names]
        for name in sorted({name for names in asked.values() for name in names})
        if COPYLEFT.search(licence(name) or "")
    }
    said = [
        f"`{name}` ({licence(name)}) comes with {' and '.join(map(_called, extras))}."
        for name, extras in copyleft.items()
    ]
    lines = [INTRO.format(gpl=" ".join(said) or "No dependency is under it.")]
    for extra, names in asked.items():
        title = _called(extra)
        lines += [f"## {title[0].upper()}{title[1:]}\n", *_table(names)]
    known = {name for names in asked.values() for name in names}
    others = [name for name in locked() if name not in known]
    lines += ["## What those need in turn (`requirements.lock`)\n", *_table(others)]
    return "\n".join(lines).rstrip() + "\n"


def _called(extra: str) -> str:
    return f"the extra `{extra}`" if extra else "every installation"


def _table(names: list[str]) -> list[str]:
    rows = [f"| {name} | {licence(name) or 'see its page'} |" for name in names]
    return ["| package | licence |", "| --- | --- |", *rows, ""]


if __name__ == "__main__":
    PAGE.write_text(page())
