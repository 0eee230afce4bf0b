"""What pl.classify says as a whole."""

from __future__ import annotations

import phenolens as pl


def test_the_headline_is_the_score_beside_its_best_baseline():
    screen, _ = pl.simulate_profiles(treatments=12, features=40, seed=3)
    found = pl.classify(screen, bootstrap=10)
    rows = found.scores[
        (found.scores["fold"] == "all")
        & (found.scores["metric"] == "balanced_accuracy")
        & (found.scores["task"] == "classification")
    ].set_index("representation")
    own = rows.loc["profiles"]
    assert found.summary["balanced_accuracy"] == {
        "value": own["value"], "low": own["low"], "high": own["high"]
    }  # fmt: skip
    beside = rows["value"].drop("profiles")
    assert len(beside) == 5
    assert found.summary["best_baseline"] == {"value": beside.max(), "name": beside.idxmax()}
    assert [name for name, _ in found.headline()][-2:] == ["balanced accuracy", "best baseline"]


def test_a_metric_learned_in_the_folds_is_said_and_shuffled_labels_gain_nothing():
    screen, _ = pl.simulate_profiles(treatments=12, features=40, seed=3)
    item = pl.read(screen)
    scored = {}
    for metric in ("none", "within-class", "discriminant"):
        found = pl.classify(item, learned_metric=metric, bootstrap=10, baselines=False)
        assert found.settings["learned_metric"] == metric
        rows = found.scores.query("fold == 'all' and metric == 'balanced_accuracy'")
        scored[metric] = rows.set_index(["representation", "task"])
        (space,) = set(scored[metric].loc["profiles", "space"])
        assert space.endswith(f", {metric} metric") == (metric != "none")
    for metric in ("within-class", "discriminant"):
        assert not scored["none"]["value"].equals(scored[metric]["value"])
        assert scored[metric]["value"]["profiles"].min() > 0.2
        assert scored[metric]["value"]["baseline:shuffled-labels:profiles"].max() < 0.2
