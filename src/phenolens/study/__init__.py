"""A study, verb by verb: each is one call on a session, and takes the steps before it if needed.

>>> from phenolens import study
>>> session = study.open_study("study.toml")  # doctest: +SKIP
>>> study.run(session)  # doctest: +SKIP
"""

from phenolens.study.run import (
    check,
    demo,
    evaluate,
    interpret,
    measure,
    normalize,
    prepare,
    report,
    represent,
    run,
    splits,
)  # fmt: skip
from phenolens.study.session import Session, open_study
from phenolens.study.start import init, simulate_screen
from phenolens.study.step import take
from phenolens.study.tell import tell_check, tell_files, tell_report, tell_run, tell_splits

__all__ = [
    "Session", "check", "demo", "evaluate", "init", "interpret", "measure", "normalize",
    "open_study", "prepare", "report", "represent", "run", "simulate_screen", "splits", "take",
    "tell_check", "tell_files", "tell_report", "tell_run", "tell_splits",
]  # fmt: skip
