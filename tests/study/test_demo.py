"""The demo's study file: settings of its networks are ones that a study knows."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

import pytest

from phenolens.config import read_study


@pytest.mark.parametrize(("full", "epochs", "views"), [(False, 4, 4), (True, 18, 1)])
def test_the_demo_writes_a_study_of_networks(tmp_path, monkeypatch, full, epochs, views):
    module = import_module("phenolens.study.run")  # the package gives the function of that name

    def init(screen, study, *, force, name):
        Path(study).write_text('[data.images]\ntable = "images.csv"\n', encoding="utf-8")

    monkeypatch.setattr(module, "simulate_screen", lambda *_, **__: None)
    monkeypatch.setattr(module, "init", init)
    monkeypatch.setattr(module, "open_study", lambda path, **_: read_study(path))
    monkeypatch.setattr(module, "run", lambda study: study)
    study = module.demo(tmp_path, full=full)
    assert (study.networks.epochs, study.networks.views) == (epochs, views)
    assert "cnn" in study.represent.representations
