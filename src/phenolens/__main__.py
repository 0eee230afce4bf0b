"""``python -m phenolens``: the same as the command."""

from phenolens.cli import main

main()
