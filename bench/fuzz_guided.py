"""One parser of ``fuzz.py``, led by coverage: libFuzzer draws what hypothesis makes inputs of.

Needs ``pip install atheris`` (Linux; no dependency of ours). ``python bench/fuzz_guided.py PARSER
[-max_total_time=60] [-seed=1] [FOLDER OF A CORPUS]``: options with one dash are libFuzzer's, see
``-help=1``. It stops at the first input that ends in neither a value nor a refusal, and says what
was done. Compiled kernels are not watched.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

import atheris
import hypothesis
from hypothesis import strategies as st

COMPILED = ["measure", "segment", "stats", "evaluate", "learn", "normalize", "plating", "simulate"]
with atheris.instrument_imports(
    include=["phenolens"], exclude=[f"phenolens.{name}" for name in COMPILED]
):
    import fuzz


def main() -> None:
    """Watch one parser until the time is over or something is found."""
    known = {one.name: one for one in fuzz.parsers()} | {name: name for name in fuzz.ASKED}
    names = [name for name in sys.argv[1:2] if name in known]
    if not names:
        sys.exit(f"Which parser? One of: {', '.join(known)}")
    parser = known[names[0]]
    with tempfile.TemporaryDirectory(prefix="fuzz-") as place:
        folder = Path(place) / "screen of fuzz"
        if isinstance(parser, fuzz.Parser):
            sample = folder.with_name(f"sample of {parser.name}")
            sample.mkdir()
            parser.sample(sample)

        @hypothesis.settings(database=None, deadline=None)
        @hypothesis.given(st.data())
        def tried(draw: st.DataObject) -> None:
            said, verdict = fuzz.tried(draw, parser, folder)
            if verdict.kind in fuzz.FAULTS.values():
                raise RuntimeError(f"{names[0]}: {said}: {verdict.kind}: {verdict.said}")

        atheris.Setup([sys.argv[0], *sys.argv[2:]], tried.hypothesis.fuzz_one_input)
        atheris.Fuzz()


if __name__ == "__main__":
    main()
