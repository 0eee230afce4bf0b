"""One name, one thing, and nothing that nobody uses."""

from __future__ import annotations

import ast
import re
from collections import Counter, defaultdict
from pathlib import Path

import phenolens

ROOT = Path(phenolens.__file__).parent


def test_no_class_name_is_defined_twice():
    defined = defaultdict(list)
    for path in sorted(ROOT.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ClassDef):
                defined[node.name].append(str(path.relative_to(ROOT)))
    assert {name: places for name, places in defined.items() if len(places) > 1} == {}


def test_every_public_function_and_class_is_used():
    """Named in another place of the package, in docs or in a bench; decorated ones register."""
    top = ROOT.parents[1]
    texts = {path: path.read_text() for path in sorted(ROOT.rglob("*.py"))}
    other = [*(top / "docs").rglob("*.md"), *(top / "bench").glob("*.py"), top / "README.md"]
    named = Counter(
        word
        for text in [*texts.values(), *(path.read_text() for path in other)]
        for word in re.findall(r"\w+", text)
    )
    unused = [
        f"{path.relative_to(ROOT)}: {node.name}"
        for path, text in texts.items()
        for node in ast.parse(text).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not node.decorator_list
        and named[node.name] == 1
    ]
    assert unused == []
