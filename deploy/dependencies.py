"""Print what pyproject.toml asks for, a line each: python dependencies.py FILE EXTRA,EXTRA."""

import sys
import tomllib
from pathlib import Path

project = tomllib.loads(Path(sys.argv[1]).read_text(encoding="utf-8"))["project"]
extras = [name for name in sys.argv[2].split(",") if name]
wanted = project["dependencies"] + [
    found for name in extras for found in project["optional-dependencies"][name]
]
sys.stdout.writelines(f"{line}\n" for line in wanted)
