"""Draw docs/images/architecture.svg from what the rooms of the package import.

    python docs/picture.py

A room stands one step above the highest room that it imports; the wider, the more lines it has.
"""

from __future__ import annotations

import ast
from functools import cache
from html import escape
from pathlib import Path

ROOT = Path(__file__).parents[1]
SOURCE = ROOT / "src" / "phenolens"
TARGET = ROOT / "docs" / "images" / "architecture.svg"
WIDTH, BOX, GAP, LEFT = 1160, 46, 10, 20


def room(path: Path) -> str:
    """Name of the room that a file belongs to."""
    return path.relative_to(SOURCE).parts[0].removesuffix(".py")


def rooms() -> dict[str, tuple[int, set[str]]]:
    """Of each room its lines of code and the rooms that it imports."""
    found: dict[str, tuple[int, set[str]]] = {}
    for path in sorted(SOURCE.rglob("*.py")):
        if path.parent == SOURCE and path.stem in {"__init__", "__main__"}:
            continue
        text = path.read_text(encoding="utf-8")
        named: set[str] = set()
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.module == "phenolens":
                named |= {alias.name for alias in node.names}
            elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("phenolens."):
                named.add(str(node.module).split(".")[1])
        lines, others = found.get(room(path), (0, set()))
        found[room(path)] = lines + text.count("\n"), others | named
    return {name: (lines, (to & set(found)) - {name}) for name, (lines, to) in found.items()}


def steps(found: dict[str, tuple[int, set[str]]]) -> list[list[str]]:
    """Rooms by step, the lowest first."""

    @cache
    def step(name: str) -> int:
        return 1 + max((step(other) for other in found[name][1]), default=-1)

    rows: list[list[str]] = [[] for _ in range(1 + max(map(step, found)))]
    for name in sorted(found, key=lambda name: (-found[name][0], name)):
        rows[step(name)].append(name)
    return rows


def picture() -> str:
    """The SVG as text."""
    found = rooms()
    rows = list(reversed(steps(found)))
    height = 40 + len(rows) * (BOX + GAP)
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" '
        'font-family="DejaVu Sans, Arial, sans-serif" font-size="14">',
        f'<rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="{LEFT}" y="24" fill="#5b6770">Each room imports from rows below it only. '
        "Width: lines of code.</text>",
    ]
    for number, row in enumerate(rows):
        top = 36 + number * (BOX + GAP)
        widths = {name: 78 + found[name][0] ** 0.5 * 1.15 + 3 * len(name) for name in row}
        shrink = min(1.0, (WIDTH - 2 * LEFT - GAP * (len(row) - 1)) / sum(widths.values()))
        x = float(LEFT)
        for name in row:
            lines, others = found[name]
            wide = widths[name] * shrink
            told = f"{name}: {lines} lines; imports {', '.join(sorted(others)) or 'none of ours'}"
            shade = "#e4eef4" if (SOURCE / name).is_dir() else "#f6f3ee"
            parts += [
                f'<g><title>{escape(told)}</title><rect x="{x:.1f}" y="{top}" width="{wide:.1f}" '
                f'height="{BOX}" rx="6" fill="{shade}" stroke="#1f5673" stroke-width="1"/>',
                f'<text x="{x + wide / 2:.1f}" y="{top + 20}" text-anchor="middle" '
                f'fill="#17252e">{name}</text>',
                f'<text x="{x + wide / 2:.1f}" y="{top + 37}" text-anchor="middle" font-size="11" '
                f'fill="#5b6770">{lines:,}</text></g>',
            ]
            x += wide + GAP
    return "\n".join([*parts, "</svg>", ""])


if __name__ == "__main__":
    TARGET.write_text(picture(), encoding="utf-8")
