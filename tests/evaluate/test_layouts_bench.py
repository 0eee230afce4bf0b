"""The measurement of layouts goes on where it stopped, and its rates are those of its lines."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

BENCH = Path(__file__).parents[2] / "bench" / "layouts.py"


@pytest.fixture
def bench(monkeypatch):
    spec = importlib.util.spec_from_file_location("layouts_bench", BENCH)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    partly = {"wells": 96, "low": 4, "high": 4}
    few = [
        (module.WHOLE, "same", "same", {"controls": "scattered"}),
        (module.PARTLY, "96 wells, 4 replicates: same", "same", partly),
        (module.PLATE, "rows, 96 wells", "rows", {"wells": 96}),
    ]
    monkeypatch.setattr(module, "tasks", lambda: iter(few))
    monkeypatch.setattr(module, "BLOCK", dict.fromkeys(module.BLOCK, 2))
    return module


def blocks(path: Path) -> list[dict]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def test_a_stopped_run_goes_on_where_it_was(bench, tmp_path):
    out, at_once = tmp_path / "layouts.jsonl", tmp_path / "at_once.jsonl"
    wanted = dict.fromkeys(bench.BLOCK, 4)
    bench.measure(out, dict.fromkeys(bench.BLOCK, 2), seed=0, minutes=1)
    first = out.read_text(encoding="utf-8")
    assert len(blocks(out)) == 3
    bench.measure(out, wanted, seed=0, minutes=0)
    assert out.read_text(encoding="utf-8") == first
    bench.measure(out, wanted, seed=0, minutes=1)
    bench.measure(at_once, wanted, seed=0, minutes=1)
    assert out.read_text(encoding="utf-8").startswith(first)
    known, fresh = ([line | {"seconds": 0} for line in blocks(p)] for p in (out, at_once))
    assert known == fresh and len(known) == 6


def test_rates_are_summed_over_blocks(bench, tmp_path):
    out = tmp_path / "layouts.jsonl"
    bench.measure(out, dict.fromkeys(bench.BLOCK, 4), seed=0, minutes=1)
    told = bench.summary(out)
    assert told["layouts"] == 12 and told["hardest"] == "same"
    assert told[bench.WHOLE]["same"]["layouts"] == 4
    assert told[bench.WHOLE]["same"]["replicates"] == 1
    (named,) = told[bench.PARTLY].values()
    assert named["flagged"] == 1 and named["named"] > 0.9 and named["others named"] < 0.1
    assert named["limit"] < 0.1
    assert told[bench.PLATE]["rows, 96 wells"] == {"layouts": 4, "flagged": 1, "alone": 1}
