"""What pl.cluster says as a whole."""

from __future__ import annotations

import phenolens as pl


def test_the_summary_tells_each_method_its_own_scores():
    screen, _ = pl.simulate_profiles(treatments=20, features=40, seed=3)
    found = pl.cluster(screen, clusters=5)
    pooled = found.scores[found.scores["fold"] == "all"]
    methods = {"kmeans-5", "kmeans-chosen", "leiden"}
    assert methods | {"silhouette"} <= set(found.summary)
    for method in methods:
        rows = pooled[pooled["task"] == f"clustering: {method}"]
        assert found.summary[method] == dict(zip(rows["metric"], rows["value"], strict=True))
    assert len({found.summary[method]["n_clusters"] for method in methods}) == 3
    (wells,) = pooled[pooled["metric"] == "silhouette"].itertuples()
    told = found.summary["silhouette"]
    assert (told["value"], told["low"], told["high"]) == (wells.value, wells.low, wells.high)
    assert told["silhouette_p"] == pooled.set_index("metric")["value"]["silhouette_p"]
    assert found.headline()[-1][0] == "silhouette"


def test_without_leiden_the_rest_is_answered_and_the_lack_is_said(monkeypatch):
    """Its implementation is under the GPL, and an extra."""
    from phenolens.evaluate.structure import clustering

    monkeypatch.setattr(clustering, "leiden_is_here", lambda: False)
    screen, _ = pl.simulate_profiles(treatments=20, features=40, seed=3)
    found = pl.cluster(screen, clusters=5)
    assert set(found.table["method"]) == {"kmeans-5", "kmeans-chosen"}
    (lack,) = (one for one in found.findings if one.code == "not-asked")
    assert "pip install 'phenolens[leiden]'" in f"{lack}"
