"""Warnings of other libraries do not reach the screen; ours do, as one line."""

from __future__ import annotations

import logging
import os
import warnings

import pytest

from phenolens.cli.quiet import quiet


@pytest.fixture
def plain_python(monkeypatch):
    """As Python starts without ``-W``."""
    monkeypatch.setattr("sys.warnoptions", [])


def warn_from(module: str, code: str) -> None:
    """Run code as if it stood in a module."""
    exec(compile(code, f"{module}.py", "exec"), {"__name__": module})


def test_other_libraries_are_silent(plain_python, capsys):
    with quiet():
        warn_from("anndata.core", "import warnings; warnings.warn('old name', FutureWarning)")
        warn_from("sklearn.x", "import warnings; warnings.warn('no convergence')")
        logging.getLogger("some.library").warning("unusual file")
    assert capsys.readouterr() == ("", "")


def test_a_warning_that_blames_us_is_still_theirs(plain_python, capsys):
    theirs = {"__name__": "library"}
    exec("import warnings\ndef load(): warnings.warn('odd', stacklevel=2)", theirs)
    with quiet():
        exec("load()", {"__name__": "phenolens.io.given", "load": theirs["load"]})
    assert capsys.readouterr() == ("", "")


def test_our_own_warning_is_one_line(plain_python, capsys):
    with quiet():
        warn_from("phenolens.io.given", "import warnings; warnings.warn('two\\nlines')")
    assert capsys.readouterr().err == "phenolens: warning: two lines\n"


def test_filters_loggers_and_environment_are_left_as_they_were(plain_python, monkeypatch):
    monkeypatch.delenv("PYTHONWARNINGS", raising=False)
    before = (list(warnings.filters), warnings.showwarning, logging.root.manager.disable)
    with pytest.raises(ValueError, match="any"), quiet():
        assert os.environ["PYTHONWARNINGS"] == "ignore"
        raise ValueError("any")
    after = (list(warnings.filters), warnings.showwarning, logging.root.manager.disable)
    assert after == before
    assert "PYTHONWARNINGS" not in os.environ


def test_who_asks_python_for_warnings_gets_them(monkeypatch):
    monkeypatch.setattr("sys.warnoptions", ["default"])
    with quiet(), pytest.warns(FutureWarning, match="old name"):
        warn_from("anndata.core", "import warnings; warnings.warn('old name', FutureWarning)")


def test_a_verb_is_quiet(command, plain_python, asked):
    def chatter() -> None:
        warnings.warn("old name", FutureWarning, stacklevel=1)
        logging.getLogger("some.library").warning("unusual file")

    asked("activity").instead = chatter
    answer = command("activity", "x.csv")
    assert (answer.code, answer.err) == (0, "")
