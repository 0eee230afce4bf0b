"""A study, verb by verb: each is one call on a session, and takes the steps before it if needed.

>>> from phenolens import study
>>> session = study.open_study("study.toml")  # doctest: +SKIP
>>> study.run(session)  # doctest: +SKIP
"""

from phenolens.study.design import check, splits
from phenolens.study.evaluation import evaluate
from phenolens.study.interpretation import interpret
from phenolens.study.profiling import measure, normalize, prepare, represent
from phenolens.study.reporting import report, run
from phenolens.study.session import Session, open_study
from phenolens.study.start import demo, init, simulate_screen
from phenolens.study.tell import tell_check, tell_files, tell_report, tell_run, tell_splits

__all__ = [
    "Session",
    "check",
    "demo",
    "evaluate",
    "init",
    "interpret",
    "measure",
    "normalize",
    "open_study",
    "prepare",
    "report",
    "represent",
    "run",
    "simulate_screen",
    "splits",
    "tell_check",
    "tell_files",
    "tell_report",
    "tell_run",
    "tell_splits",
]
