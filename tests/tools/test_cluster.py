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
