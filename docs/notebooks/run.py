"""Run the notebooks beside this file as a reader would, with the package that is installed.

    python docs/notebooks/run.py OUT

Each runs in an empty folder; OUT gets it with its outputs, as .ipynb and as .html. An error, a
warning that a reader would see, or a package that comes from the source tree ends it with code 1.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory

import nbformat
from nbclient import NotebookClient
from nbconvert import HTMLExporter

FIRST = f"""
import sys, warnings
from pathlib import Path
import phenolens
assert sys.prefix == {sys.prefix!r}, sys.prefix
assert "site-packages" in Path(phenolens.__file__).parts, phenolens.__file__
warnings.filterwarnings("error", module=r"phenolens(\\.|$)")
"""


def executed(path: Path) -> nbformat.NotebookNode:
    """The notebook with its outputs."""
    notebook = nbformat.read(path, as_version=4)
    notebook.cells.insert(0, nbformat.v4.new_code_cell(FIRST))
    with TemporaryDirectory() as folder:
        where = {"metadata": {"path": folder}}
        NotebookClient(
            notebook, timeout=300, kernel_name="python3", resources=where,
            extra_arguments=["--IPKernelApp.log_level=ERROR"],
        ).execute()  # fmt: skip
    del notebook.cells[0]
    return notebook


def warned(notebook: nbformat.NotebookNode) -> list[str]:
    """What cells wrote on standard error that is a warning."""
    outputs = [o for cell in notebook.cells for o in cell.get("outputs", [])]
    said = [o.text for o in outputs if o.output_type == "stream" and o.name == "stderr"]
    return [text for text in said if "Warning" in text]


def main() -> int:
    out = Path(sys.argv[1])
    out.mkdir(parents=True, exist_ok=True)
    failed = False
    for path in sorted(Path(__file__).parent.glob("*.ipynb")):
        start = time.perf_counter()
        notebook = executed(path)
        nbformat.write(notebook, out / path.name)
        page, _ = HTMLExporter().from_notebook_node(notebook)
        (out / path.name).with_suffix(".html").write_text(page, encoding="utf-8")
        warnings = warned(notebook)
        failed |= bool(warnings)
        sys.stdout.write(f"{path.name}: {time.perf_counter() - start:.0f} s\n{''.join(warnings)}")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
