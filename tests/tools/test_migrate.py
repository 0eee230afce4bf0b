"""docs/migrate.md: every call of the peers it names is run beside ours, every sentence held."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pycytominer
import pytest
from scipy.special import ndtri

import phenolens as pl
from phenolens import profiles
from phenolens.errors import DesignError, InputError
from phenolens.evaluate.activity.activity import activity
from phenolens.io.given import open_table
from phenolens.learn.gaussian import RankGaussian
from phenolens.learn.select import FeatureSelector
from phenolens.stats.multiple_testing import benjamini_hochberg

PAGE = Path(__file__).parents[2] / "docs" / "migrate.md"
FEATURES = [f"Cells_Texture_T{number}" for number in range(12)]
DMSO = "Metadata_compound == 'DMSO'"
PLATE, COMPOUND, TREATMENT = "Metadata_Plate", "Metadata_compound", "Metadata_Treatment"
# the rules of selection, switched off
OFF = {
    "max_missing": 1.0, "min_variance": 0.0, "min_second_ratio": 0.0, "max_outlier": None,
    "max_correlation": None,
}  # fmt: skip


def blocks() -> dict[str, str]:
    """The code of the page that is run, by heading."""
    found = re.findall(r"^### ([^\n]+)\n\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL | re.M)
    return dict(found)


@pytest.fixture
def run(df, tmp_path, monkeypatch):
    """Run the block under a heading of the page and give its two results."""
    from copairs.map import average_precision, mean_average_precision

    monkeypatch.setenv("HOME", str(tmp_path))  # copairs keeps its nulls there
    meta = df.filter(like="Metadata_")
    space = {
        "pd": pd, "pc": pycytominer, "df": df, "features": FEATURES, "query": DMSO,
        "pl": pl,
        "meta": meta.assign(role=meta.eval(DMSO).map({True: -1, False: 0})),
        "values": df[FEATURES].to_numpy(),
        "average_precision": average_precision,
        "mean_average_precision": mean_average_precision,
    }  # fmt: skip

    def block(heading: str, **changes: object) -> tuple[pd.DataFrame, pd.DataFrame]:
        names = space | changes
        exec(blocks()[heading], names)
        return names["theirs"], names["ours"]

    return block


@pytest.fixture
def df() -> pd.DataFrame:
    """Three plates of 96 wells; float64 of numbers that float32 holds: both see the same."""
    rng = np.random.default_rng(0)
    plates = []
    for number in range(3):
        values = rng.normal(size=(96, 12)) * rng.uniform(0.5, 30, 12) + 100 * rng.normal(size=12)
        names = [f"{'ABCDEFGH'[i // 12]}{i % 12 + 1:02d}" for i in range(96)]
        compounds = ["DMSO" if i % 6 == 0 else f"c{i % 20:02d}" for i in range(96)]
        described = {PLATE: f"P{number}", "Metadata_Well": names, COMPOUND: compounds}
        frame = pd.DataFrame(values.astype(np.float32), columns=FEATURES).astype(float)
        plates.append(pd.concat([pd.DataFrame(described), frame], axis=1))
    return pd.concat(plates, ignore_index=True)


def same(ours: pd.DataFrame, theirs: pd.DataFrame, *, rtol: float = 1e-6, atol: float = 1e-6):
    np.testing.assert_allclose(
        ours[FEATURES], theirs[FEATURES].to_numpy(float), rtol=rtol, atol=atol
    )


def test_every_block_is_held_by_a_test():
    assert set(blocks()) == {
        "normalize: mad_robustize on controls", "normalize: mad_robustize on whole plates",
        "normalize: standardize", "normalize: robustize", "normalize: spherize", "feature_select",
        "aggregate", "consensus", "consensus: modz", "average_precision, mean_average_precision",
        "average_precision across plates",
    }  # fmt: skip


# ---------------------------------------------------------------- pycytominer: normalize


@pytest.mark.parametrize(
    "heading", ["normalize: mad_robustize on controls", "normalize: mad_robustize on whole plates"]
)
def test_robust_scaling_is_equal(run, df, heading):
    theirs, ours = run(heading)
    same(ours, theirs)
    gaps = df.copy()
    gaps.loc[::7, FEATURES[0]] = np.nan
    theirs, ours = run(heading, df=gaps)
    same(ours, theirs)
    assert ours[FEATURES[0]].isna().sum() == gaps[FEATURES[0]].isna().sum()


def test_the_whole_table_is_one_group_where_it_is_asked(df):
    theirs = pycytominer.normalize(df, samples=DMSO, method="mad_robustize")
    same(pl.normalize(df, controls=DMSO, by=(), clip=None), theirs)


def test_the_defaults_of_scaling_are_those_the_page_names(df):
    few = df[(df[COMPOUND] != "DMSO") | (df.index % 12 == 0)].reset_index(drop=True)
    assert (few[few[COMPOUND] == "DMSO"].groupby(PLATE).size() == 8).all()
    pd.testing.assert_frame_equal(
        pl.normalize(few, clip=None), pl.normalize(few, controls=DMSO, spread="screen", clip=None)
    )
    pd.testing.assert_frame_equal(
        pl.normalize(df, clip=None), pl.normalize(df, controls=DMSO, spread="plate", clip=None)
    )
    far = df.assign(**{FEATURES[0]: df[FEATURES[0]] + 1e6 * (df.index == 1)})
    assert pl.normalize(far)[FEATURES[0]].max() == 50
    with pytest.raises(DesignError, match=r"1 of 3 groups \(Metadata_Plate\).*: P2\."):
        pl.normalize(df[(df[PLATE] != "P2") | (df[COMPOUND] != "DMSO")])


def test_a_mad_of_nothing_is_divided_by_an_epsilon_in_pycytominer_only(df):
    plate = df[df[PLATE] == "P0"].reset_index(drop=True)
    control = plate[COMPOUND] == "DMSO"
    plate.loc[control, FEATURES[:2]] = 5.0
    plate.loc[np.flatnonzero(control)[0], FEATURES[1]] = 7.0
    theirs = pycytominer.normalize(plate, samples=DMSO, method="mad_robustize")
    ours = pl.normalize(plate, controls=DMSO, clip=None)
    assert (theirs.loc[~control, FEATURES[:2]].abs() > 1e15).all(axis=None)
    assert (ours[FEATURES[0]] == 0).all()
    spread = plate.loc[control, FEATURES[1]].std(ddof=0)
    np.testing.assert_allclose(ours[FEATURES[1]], (plate[FEATURES[1]] - 5) / spread, rtol=1e-6)


def test_standard_deviations_are_of_a_sample_and_of_a_population(run):
    theirs, ours = run("normalize: standardize")
    same(ours.assign(**(ours[FEATURES].astype(float) * np.sqrt(16 / 15))), theirs)


def test_quartiles_differ_by_a_factor_a_plate_and_feature(run, df):
    theirs, ours = run("normalize: robustize")
    control = df[df[COMPOUND] == "DMSO"].groupby(PLATE)[FEATURES]
    mad = control.agg(lambda x: 1.4826 * (x - x.median()).abs().median())
    quartiles = control.quantile(0.75) - control.quantile(0.25)
    factor = (mad / quartiles).loc[df[PLATE]].to_numpy()
    same(ours.assign(**(ours[FEATURES].astype(float) * factor)), theirs)
    normal = ndtri(0.75) - ndtri(0.25)
    assert 1.4826 * ndtri(0.75) / normal == pytest.approx(0.74, abs=0.002)


@pytest.mark.parametrize("method", ["ZCA-cor", "ZCA", "PCA-cor", "PCA"])
def test_sphering_is_equal_up_to_the_sign_of_components(run, df, method):
    theirs, ours = run("normalize: spherize")
    if method != "ZCA-cor":
        theirs = pycytominer.normalize(
            df, samples=DMSO, method="spherize", spherize_epsilon=0, spherize_method=method
        )
        ours = pl.whiten(df, controls=DMSO, regularization=0, method=method.lower())
    left, right = (
        frame.drop(columns=df.columns.drop(FEATURES)).to_numpy(float) for frame in (ours, theirs)
    )
    signs = np.sign((left * right).sum(axis=0)) if method.startswith("PCA") else 1.0
    np.testing.assert_allclose(left * signs, right, rtol=1e-5, atol=1e-5)


def test_directions_without_variance_get_the_smallest_spread_or_the_regularization(df):
    few = df[df[COMPOUND] == "DMSO"].head(8).reset_index(drop=True)
    with pytest.raises(InputError, match="regularization above 0"):
        pl.whiten(few, controls="all", regularization=0)
    theirs = pycytominer.normalize(
        few, samples="all", method="spherize", spherize_method="ZCA", spherize_epsilon=0
    )
    ours = pl.whiten(few, controls="all", method="zca", regularization=0.1)
    centred = few[FEATURES] - few[FEATURES].mean()
    left, sizes, right = np.linalg.svd(centred.to_numpy(), full_matrices=False)
    kept = slice(0, 7)  # one direction less than rows
    root = np.sqrt(7)
    np.testing.assert_allclose(theirs[FEATURES], left[:, kept] @ right[kept] * root, atol=1e-8)
    shrunk = sizes[kept] / np.sqrt(sizes[kept] ** 2 / 7 + 0.1)
    np.testing.assert_allclose(ours[FEATURES], left[:, kept] * shrunk @ right[kept], atol=1e-5)
    # a new row outside of what the rows span: theirs by the smallest spread, ours by the setting
    outside = np.linalg.svd(centred.to_numpy())[2][-1]
    new = few.iloc[[0]].assign(**dict(zip(FEATURES, few[FEATURES].mean() + outside, strict=True)))
    both = pd.concat([few, new.assign(**{COMPOUND: "x"})], ignore_index=True)
    theirs = pycytominer.normalize(
        both, samples=DMSO, method="spherize", spherize_method="ZCA", spherize_epsilon=0
    )
    ours = pl.whiten(both, controls=DMSO, method="zca", regularization=0.1)
    assert theirs[FEATURES].to_numpy(float)[-1] @ outside == pytest.approx(
        root / sizes[6], rel=1e-6
    )
    assert ours[FEATURES].to_numpy(float)[-1] @ outside == pytest.approx(1 / np.sqrt(0.1), rel=1e-3)


def test_the_largest_of_some_ranks_is_a_quantile_of_their_number(df):
    theirs = pycytominer.normalize(df, method="inverse_normal")
    ours = RankGaussian().fit_transform(df[FEATURES])
    n = len(df)
    np.testing.assert_allclose(theirs[FEATURES].max(), 5.199338, rtol=1e-6)
    np.testing.assert_allclose(ours.max(), ndtri((n - 0.375) / (n + 0.25)), rtol=1e-6)


# ---------------------------------------------------------------- pycytominer: feature_select


def kept_by_them(frame: pd.DataFrame, operation: str | list[str], **how: object) -> list[str]:
    return list(
        pycytominer.feature_select(frame, features=FEATURES, operation=operation, **how).filter(
            like="Cells_"
        )
    )


def kept_by_us(frame: pd.DataFrame, **rules: object) -> list[str]:
    return [name for name in pl.select(frame, **(OFF | rules)) if name in FEATURES]


@pytest.fixture
def odd(df) -> pd.DataFrame:
    """Features that each rule is after."""
    out = df.copy()
    out[FEATURES] = (df[FEATURES] - df[FEATURES].mean()) / df[FEATURES].std()
    out.loc[out.index % 10 == 0, FEATURES[0]] = np.nan
    out.loc[out.index % 40 == 0, FEATURES[1]] = np.nan
    out[FEATURES[2]] = 1.0
    out.loc[5, FEATURES[4]] = 600.0
    out.loc[7, FEATURES[5]] = -600.0
    out[FEATURES[6]] = out.index % 2
    out[FEATURES[7]] = (out.index == 3).astype(float)
    out[FEATURES[9]] = out[FEATURES[8]] + 0.1 * out[FEATURES[9]]
    out[FEATURES[11]] = -out[FEATURES[10]]
    return out


def test_selection_is_equal(run, odd):
    theirs, ours = run("feature_select", df=odd)
    left = [name for name in ours if name in FEATURES]
    assert left == [name for name in theirs if name in FEATURES]
    assert not set(left) & {FEATURES[i] for i in (0, 2, 3, 4, 5)}
    assert len(left) == 7
    np.testing.assert_array_equal(ours[left], odd[left].astype(np.float32))


@pytest.mark.parametrize(
    ("operation", "rules", "dropped"),
    [
        ("drop_na_columns", {"max_missing": 0.05}, [0]),
        ("variance_threshold", {"min_variance": 1e-6}, [2]),
        ("drop_outliers", {"max_outlier": 500.0}, [4, 5]),
    ],
)
def test_rules_that_are_equal(odd, operation, rules, dropped):
    left = [name for number, name in enumerate(FEATURES) if number not in dropped]
    assert kept_by_them(odd, operation) == left
    assert kept_by_us(odd, **rules) == left


def test_rows_that_decide_are_samples(odd):
    half = odd.drop(columns=FEATURES[0])
    half.loc[half[COMPOUND] == "DMSO", FEATURES[3]] = 2.0
    theirs = pycytominer.feature_select(half, samples=DMSO, operation="variance_threshold")
    ours = pl.select(half, rows=DMSO, **(OFF | {"min_variance": 1e-6}))
    assert list(ours) == list(theirs)
    assert FEATURES[3] not in ours


def test_repetition_needs_both_signs_in_ours_and_one_in_pycytominer(odd):
    """Two values, as often each: few distinct ones, but they vary well."""
    rules = {"min_second_ratio": 0.05, "min_unique": 0.01}
    theirs, ours = kept_by_them(odd, "frequency_threshold"), kept_by_us(odd, **rules)
    assert FEATURES[6] in ours and FEATURES[6] not in theirs
    assert not {FEATURES[2], FEATURES[7]} & ({*ours} | {*theirs})
    assert {*FEATURES} - {*ours} == {FEATURES[2], FEATURES[7]}


def test_mirrored_features_are_kept_by_pycytominer_only(odd):
    frame = odd.fillna(0.0).drop(columns=FEATURES[2])
    theirs = pycytominer.feature_select(frame, operation="correlation_threshold")
    ours = pl.select(frame, **(OFF | {"max_correlation": 0.9}))
    assert {FEATURES[10], FEATURES[11]} <= set(theirs)
    assert len({FEATURES[10], FEATURES[11]} & set(ours)) == 1
    assert len({FEATURES[8], FEATURES[9]} & set(ours)) == 1
    assert len({FEATURES[8], FEATURES[9]} & set(theirs)) == 1


def test_every_feature_that_ours_drops_has_one_that_stands_for_it():
    """c resembles b, b resembles a, a and c do not; further ones make b and then c the larger."""
    rng = np.random.default_rng(0)
    base = rng.normal(size=(4000, 4))
    a = base[:, 0]
    b = a + 0.4 * base[:, 1]
    c = b + 0.45 * base[:, 2]
    near = {f"Cells_Texture_N{i}": c + rng.normal(size=4000) for i in range(6)}
    frame = pd.DataFrame({"Cells_Texture_A": a, "Cells_Texture_B": b, "Cells_Texture_C": c} | near)
    frame.insert(0, PLATE, "P")
    size = frame.iloc[:, 1:].corr().to_numpy()
    assert size[0, 1] > 0.9 and size[1, 2] > 0.9 and size[0, 2] < 0.9
    theirs = pycytominer.feature_select(frame, operation="correlation_threshold")
    ours = pl.select(frame, **(OFF | {"max_correlation": 0.9}))
    assert [c[-1] for c in theirs if c[-1] in "ABC"] == ["A"]
    assert [c[-1] for c in ours if c[-1] in "ABC"] == ["A", "C"]


def test_groups_that_say_the_same_leave_the_same_features():
    rng = np.random.default_rng(1)
    base = np.repeat(rng.normal(size=(300, 5)), 4, axis=1)
    values = pd.DataFrame(base + 0.2 * rng.normal(size=base.shape))
    frame = values.add_prefix("Cells_Texture_T").assign(Metadata_Plate="P")
    theirs = pycytominer.feature_select(frame, operation="correlation_threshold")
    ours = pl.select(frame, **(OFF | {"max_correlation": 0.9}))
    names = [name for name in ours if name.startswith("Cells_")]
    assert names == list(theirs.filter(like="Cells_"))
    assert len(names) == 5


def test_a_variance_at_the_limit_is_kept_by_ours_only():
    flat = pd.DataFrame({PLATE: "P", FEATURES[0]: [0.0, 2.0] * 5, FEATURES[1]: [0.0, 4.0] * 5})
    theirs = pycytominer.feature_select(flat, operation="variance_threshold", min_variance=1.0)
    assert list(theirs) == [PLATE, FEATURES[1]]
    assert list(pl.select(flat, **(OFF | {"min_variance": 1.0}))) == [PLATE, *FEATURES[:2]]


def test_the_list_of_2018_is_pycytominers_only(df):
    blocked = "Nuclei_Correlation_Manders_AGP_DNA"
    frame = df.assign(**{blocked: df[FEATURES[0]]})
    assert blocked not in pycytominer.feature_select(frame, operation="blocklist")
    assert blocked in pl.select(frame, max_correlation=None)
    assert tuple(FeatureSelector().blocklist) == ()


def test_filling_takes_the_median(odd):
    filled = pl.select(odd, **(OFF | {"max_missing": 0.05}), fill=True)
    gaps = odd[FEATURES[1]].isna()
    assert gaps.any()
    np.testing.assert_allclose(filled.loc[gaps, FEATURES[1]], odd[FEATURES[1]].median(), rtol=1e-6)


# ---------------------------------------------------------------- pycytominer: aggregate


@pytest.mark.parametrize("how", ["median", "mean"])
def test_aggregates_are_equal_in_the_same_order(run, df, how):
    theirs, ours = run("aggregate")
    by = [PLATE, COMPOUND]
    if how == "mean":
        theirs = pycytominer.aggregate(df, strata=by, operation="mean")
        ours = pl.aggregate(df, by=by, how="mean")
    assert ours[by].equals(theirs[by])
    same(ours, theirs)
    counted = pycytominer.aggregate(
        df.assign(Metadata_ObjectNumber=1), strata=by, compute_object_count=True
    )
    assert ours["Metadata_Count"].tolist() == counted["Metadata_Object_Count"].tolist()


def test_rows_without_a_key_are_a_group_in_both_and_constant_metadata_stays_in_ours(df):
    df.loc[df.index % 5 == 0, COMPOUND] = None
    df["Metadata_batch"] = df[PLATE].map({"P0": "b1", "P1": "b2", "P2": "b2"})
    theirs = pycytominer.aggregate(df, strata=[PLATE, COMPOUND])
    ours = pl.aggregate(df, by=[PLATE, COMPOUND])
    assert ours[COMPOUND].isna().sum() == theirs[COMPOUND].isna().sum() == 3
    same(ours, theirs)
    assert "Metadata_batch" in ours and "Metadata_Well" not in ours


@pytest.mark.parametrize("how", ["median", "mean"])
def test_consensus_profiles_are_equal(run, df, how):
    theirs, ours = run("consensus")
    if how == "mean":
        theirs = pycytominer.consensus(df, replicate_columns=[COMPOUND], operation="mean")
        ours = pl.consensus(df, by=COMPOUND, how="mean")
    assert ours[COMPOUND].tolist() == theirs[COMPOUND].tolist()
    same(ours, theirs)


@pytest.mark.filterwarnings("ignore:DataFrameGroupBy.apply operated on the grouping columns")
def test_weighted_consensus_is_equal_but_for_the_rounding_of_weights(run, df):
    wild = df.copy()  # one replicate that agrees with none
    wild.loc[wild[COMPOUND].eq("c01").idxmax(), FEATURES] *= -1
    theirs, ours = run("consensus: modz", df=wild)
    assert ours[COMPOUND].tolist() == theirs[COMPOUND].tolist()
    same(ours, theirs)
    default = pycytominer.consensus(wild, replicate_columns=[COMPOUND], operation="modz")
    apart = np.abs(ours[FEATURES].to_numpy(float) - default[FEATURES].to_numpy(float))
    replicates = wild.groupby(COMPOUND).size().max()
    assert 1e-4 < apart.max() < 0.5e-4 * replicates * np.abs(wild[FEATURES]).max(axis=None)


@pytest.mark.filterwarnings("ignore:DataFrameGroupBy.apply operated on the grouping columns")
def test_a_missing_value_is_0_in_pycytominers_weighted_consensus(df):
    part = df[df[COMPOUND] == "c01"].head(3).reset_index(drop=True)
    part.loc[0, FEATURES[0]] = np.nan
    theirs = pycytominer.consensus(
        part, replicate_columns=[COMPOUND], operation="modz", modz_args={"precision": 15}
    )[FEATURES[0]].item()
    ours = pl.consensus(part, by=COMPOUND, how="modz")[FEATURES[0]].item()
    low, high = sorted(part[FEATURES[0]].dropna())
    assert low - 1e-4 <= ours <= high + 1e-4
    assert not low - 1e-4 <= theirs <= high + 1e-4


# ---------------------------------------------------------------- copairs


@pytest.fixture
def run_on_scaled(run, df):
    """The blocks on copairs, on profiles that were scaled; float64 of float32 for both."""
    scaled = pl.normalize(df, controls=DMSO).astype(dict.fromkeys(FEATURES, float))
    return lambda heading: run(heading, df=scaled, values=scaled[FEATURES].to_numpy())


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tqdm")
def test_mean_average_precision_is_that_of_copairs(run_on_scaled):
    theirs, ours = run_on_scaled("average_precision, mean_average_precision")
    assert ours[TREATMENT].tolist() == theirs[COMPOUND].tolist()
    np.testing.assert_allclose(ours["map"], theirs["mean_average_precision"], atol=1e-12)
    np.testing.assert_allclose(
        ours["map_normalized"], theirs["mean_normalized_average_precision"], atol=1e-12
    )
    np.testing.assert_allclose(ours["p"], theirs["p_value"], atol=0.02)
    np.testing.assert_allclose(
        benjamini_hochberg(theirs["p_value"].to_numpy()), theirs["corrected_p_value"], atol=1e-12
    )


@pytest.mark.parametrize(
    ("theirs", "ours"),
    [
        ({"pos_diffby": [PLATE]}, {"diff_by": PLATE}),
        ({"neg_sameby": []}, {"within": None}),
        ({"distance": "abs_cosine"}, {"similarity": "abs_cosine"}),
        ({"distance": "correlation"}, {"similarity": "correlation"}),
        ({"neg_diffby": [COMPOUND]}, {"references": "others"}),
    ],
)
def test_options_of_copairs_have_names_here(df, theirs, ours):
    from copairs.map import average_precision

    scaled = pl.normalize(df, controls=DMSO).astype(dict.fromkeys(FEATURES, float))
    meta = df.filter(like="Metadata_")
    meta = meta.assign(role=meta.eval(DMSO).map({True: -1, False: 0}))
    values = scaled[FEATURES].to_numpy()
    if ours.get("references"):  # controls are no treatment, so take no part there
        rows = (meta["role"] == 0).to_numpy()
        meta, values = meta[rows].reset_index(drop=True), values[rows]
    how = {
        "pos_sameby": [COMPOUND], "pos_diffby": [], "neg_sameby": [PLATE], "neg_diffby": ["role"],
    } | theirs  # fmt: skip
    peer = average_precision(meta, values, progress_bar=False, **how)
    peer = peer[peer["role"] == 0].groupby(COMPOUND)["average_precision"].mean()
    how = {"same_by": COMPOUND, "controls": DMSO, "within": PLATE} | ours
    if set(ours) <= {"diff_by", "within"}:
        how |= {"normalized": True, "position_safe": "no"}
        found = pl.activity(scaled, **how, null="copairs", permutations=10).table
    else:  # options that the evaluating function alone has
        found = activity(open_table(scaled).table(), **how, null="copairs", permutations=10).table
    assert found["map"].notna().all() and found["map"].nunique() > 10
    np.testing.assert_allclose(found["map"], peer, atol=1e-12)


def test_a_missing_value_is_the_median_here_and_refused_by_copairs(df):
    from copairs.map import average_precision

    gap = pl.normalize(df, controls=DMSO)
    gap.loc[1, FEATURES[0]] = np.nan
    meta = gap.filter(like="Metadata_")
    meta = meta.assign(role=meta.eval(DMSO).map({True: -1, False: 0}))
    with pytest.raises(ValueError, match="null values"):
        average_precision(
            meta, gap[FEATURES].to_numpy(), [COMPOUND], [], [PLATE], ["role"], progress_bar=False
        )
    filled = gap.fillna({FEATURES[0]: gap[FEATURES[0]].median()})
    how = {
        "same_by": COMPOUND, "controls": DMSO, "within": PLATE, "null": "none", "normalized": True,
        "position_safe": "no",
    }  # fmt: skip
    one, other = (pl.activity(frame, **how).table for frame in (gap, filled))
    pd.testing.assert_frame_equal(one, other)
    assert one.set_index(TREATMENT)["n"]["c01"] == (df[COMPOUND] == "c01").sum()


def test_features_that_the_rules_drop_take_no_part_in_ours(df):
    wild = pl.normalize(df, controls=DMSO)
    wild.loc[5, FEATURES[2]] = 600.0
    how = {
        "same_by": COMPOUND, "controls": DMSO, "within": PLATE, "null": "none", "normalized": True,
        "position_safe": "no",
    }  # fmt: skip
    one, other = (
        pl.activity(frame, **how).table for frame in (wild, wild.drop(columns=FEATURES[2]))
    )
    pd.testing.assert_frame_equal(one, other)


@pytest.mark.filterwarnings("ignore::DeprecationWarning:tqdm")
def test_retrieval_across_plates_is_that_of_copairs(run_on_scaled):
    theirs, ours = run_on_scaled("average_precision across plates")
    assert ours[TREATMENT].tolist() == theirs[COMPOUND].tolist()
    np.testing.assert_allclose(ours["map_across"], theirs["mean_average_precision"], atol=1e-12)
    assert (ours["map"] != ours["map_across"]).any()


def test_object_numbers_and_positions_are_features_in_pycytominer_only(df):
    from pycytominer.cyto_utils import infer_cp_features

    frame = df.assign(Cells_Number_Object_Number=1, Nuclei_Location_Center_X=2.0)
    extra = {"Cells_Number_Object_Number", "Nuclei_Location_Center_X"}
    assert set(infer_cp_features(frame)) == {*FEATURES, *extra}
    assert open_table(frame).features == FEATURES
    assert profiles.from_frame(frame).shape[1] == len(FEATURES) + 2
