"""A study, verb by verb: each is one call on a session, and takes the steps before it if needed.

>>> from phenolens import study
>>> session = study.open_study("study.toml")  # doctest: +SKIP
>>> study.run(session)  # doctest: +SKIP
"""

# ruff: noqa: I001
from phenolens.study.keeping import clean, verify
from phenolens.study.printed import (
    lines_of_check, lines_of_files, lines_of_prepare, lines_of_report, lines_of_run,
    lines_of_splits,
)  # fmt: skip
from phenolens.study.run import (
    check, crops, demo, evaluate, interpret, measure, normalize, prepare, report, represent, run,
    splits,
)  # fmt: skip
from phenolens.study.session import Session, open_study
from phenolens.study.start import init, simulate_screen
from phenolens.study.step import take

__all__ = [
    "Session", "check", "clean", "crops", "demo", "evaluate", "init", "interpret", "lines_of_check",
    "lines_of_files", "lines_of_prepare", "lines_of_report", "lines_of_run", "lines_of_splits",
    "measure", "normalize", "open_study", "prepare", "report", "represent", "run",
    "simulate_screen", "splits", "take", "verify",
]  # fmt: skip
