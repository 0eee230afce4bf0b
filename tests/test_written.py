"""The code of a class of a script or notebook: what it does counts, and not where it stands."""

from __future__ import annotations

import os
import subprocess
import sys
from types import ModuleType

import pytest

from phenolens.written import written

TEXT = """
from dataclasses import dataclass
from pydantic import BaseModel

WORDS = {"a", "b", "c", "d"}

def helper(x):
    return [part for part in x if part in WORDS]

class Options(BaseModel):
    width: int = 3

@dataclass
class Base:
    size: int = 4

    def __add__(self, other):
        return helper(other)

class Encoder(Base):
    Options = Options

    @classmethod
    def of(cls, options):
        return (lambda: cls(options.width))()

    @property
    def area(self):
        return self.size ** 2
"""


@pytest.fixture
def digest_of(monkeypatch):
    """The digest of the encoder in a text that stands in a cell of a notebook."""

    def digest_of(text: str) -> str:
        place = ModuleType("a_notebook")
        monkeypatch.setitem(sys.modules, "a_notebook", place)
        exec(compile(text, "cell", "exec"), vars(place))
        return written(place.Encoder)

    return digest_of


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("self.size ** 2", "self.size ** 3"),
        ("part in WORDS", "part not in WORDS"),
        ('"d"}', '"e"}'),
        ("width: int = 3", "width: int = 5"),
        ("size: int = 4", "size: int = 6"),
        ("helper(other)", "other"),
        ("cls(options.width)", "cls(-options.width)"),
    ],
)
def test_what_changes_an_answer_changes_the_digest(digest_of, old, new):
    assert old in TEXT
    assert digest_of(TEXT) != digest_of(TEXT.replace(old, new))


def test_what_stands_beside_it_does_not(digest_of):
    other = "import math\n\n# a note\n" + TEXT + "\n\ndef unused():\n    return 3\n"
    assert digest_of(TEXT) == digest_of(other.replace("@property", "# so\n    @property"))


def test_it_is_the_same_in_every_process():
    code = f"from phenolens.written import written\n{TEXT}\nprint(written(Encoder))"
    found = {
        subprocess.run(
            [sys.executable, "-c", code], env=os.environ | {"PYTHONHASHSEED": seed},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in ("1", "2")
    }  # fmt: skip
    assert len(found) == 1
