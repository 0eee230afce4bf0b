"""The estimators keep scikit-learn's contract, and a table's rows and names."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.utils.estimator_checks import check_estimator

from phenolens.evaluate.classification.position_baseline import PositionVotes
from phenolens.learn.components import Components
from phenolens.learn.fuse import BlockScaler
from phenolens.learn.gaussian import RankGaussian
from phenolens.learn.logistic import LogisticPath
from phenolens.learn.metric import WithinClass
from phenolens.learn.nearest import NearestProfile
from phenolens.learn.select import FeatureSelector
from phenolens.learn.whiten import Whitener

ESTIMATORS = [
    FeatureSelector(max_missing=1.0),
    Whitener(),
    Components(),
    RankGaussian(),
    WithinClass(),
    WithinClass(directions="between"),
    BlockScaler(),
    LogisticPath(),
    NearestProfile(),
    PositionVotes(),
]


@pytest.mark.parametrize("estimator", ESTIMATORS, ids=lambda e: type(e).__name__)
def test_scikit_learn_contract(estimator):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        told = check_estimator(estimator, on_fail=None)
    failed = {
        row["check_name"]: repr(row["exception"]) for row in told if row["status"] == "failed"
    }
    assert failed == {}


def profile_table(n: int = 60, p: int = 12) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    index = pd.MultiIndex.from_arrays(
        [["P1"] * n, [f"w{i}" for i in range(n)], np.arange(n) < 20],
        names=["Metadata_Plate", "Metadata_Well", "Metadata_Control"],
    )
    names = [f"f{i}" for i in range(p)]
    return pd.DataFrame(rng.normal(size=(n, p)).astype("f4"), index=index, columns=names)


def test_a_table_goes_through_a_pipeline_with_its_index_and_type():
    table = profile_table()
    pipeline = make_pipeline(
        FeatureSelector(), Components(n_components=5), Whitener(fit_on="controls")
    )
    out = pipeline.fit(table).transform(table)
    assert isinstance(out, pd.DataFrame)
    assert out.index.equals(table.index)
    assert list(out.columns) == [f"pc000{i}" for i in range(1, 6)]
    assert set(map(str, out.dtypes)) == {"float32"}
