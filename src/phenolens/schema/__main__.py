"""``python -m phenolens.schema > docs/schemas.md``."""

from __future__ import annotations

import sys

from phenolens.schema import files
from phenolens.schema.page import page

sys.stdout.write(page(files()))
