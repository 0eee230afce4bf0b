"""Fusion: joined by key, no block louder than another, the seed's mistake impossible."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.learn.components import Components
from phenolens.learn.fuse import BlockFusion, join_blocks, noise_block


def block(p: int, scale: float, *, n: int = 40, seed: int = 0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame(scale * rng.normal(size=(n, p)), columns=[f"f{i}" for i in range(p)])
    frame["Metadata_Plate"] = "P"
    frame["Metadata_Well"] = [f"A{i:02d}" for i in range(n)]
    return profiles.from_frame(frame)


def joined():
    return join_blocks({"cellprofiler": block(3, 1000.0), "cnn": block(64, 0.1, seed=1)})


def test_blocks_are_matched_by_key_not_by_order():
    left, right = block(3, 1.0), block(2, 1.0, seed=1)
    shuffled = right.sample(frac=1, random_state=0).iloc[:-5]
    table, blocks, unmatched = join_blocks({"a": left, "b": shuffled})
    assert unmatched == {"a": 5, "b": 0}
    keys = profiles.column(table, "Metadata_Well")
    lookup = right.droplevel("Metadata_Plate").loc[keys]
    np.testing.assert_array_equal(table[blocks["b"]], lookup)


def test_each_block_has_the_same_energy():
    table, blocks, _ = joined()
    out = BlockFusion(blocks).fit(table).transform(table)
    energy = [out.filter(regex=f"^{name}__").var(ddof=0).sum() for name in blocks]
    np.testing.assert_allclose(energy, 1.0, rtol=1e-4)
    assert out.index.equals(table.index)


def test_unit_rows_make_the_cosine_a_mean_of_cosines():
    table, blocks, _ = joined()
    out = BlockFusion(blocks, scaling="rows").fit(table).transform(table).to_numpy()
    each = [
        profile / np.linalg.norm(profile, axis=1, keepdims=True)
        for profile in (table[c].to_numpy() for c in blocks.values())
    ]
    expected = sum(unit @ unit.T for unit in each)
    np.testing.assert_allclose(out @ out.T, expected, atol=1e-5)


def test_weights_are_shares_of_the_kernel():
    table, blocks, _ = joined()
    fusion = BlockFusion(blocks, scaling="rows", weights={"cnn": 0.25, "cellprofiler": 0.75})
    out = fusion.fit(table).transform(table)
    np.testing.assert_allclose((out.filter(regex="^cnn__") ** 2).sum(axis=1), 0.25, rtol=1e-4)


def test_steps_learn_on_each_block_and_training_rows_only():
    table, blocks, _ = joined()
    fusion = clone(BlockFusion(blocks, steps=Components(n_components=2)))
    out = fusion.fit(table.iloc[:20]).transform(table.iloc[20:])
    assert out.shape == (20, 4)
    changed = table.copy()
    changed.iloc[20:] *= 7
    again = clone(fusion).fit(changed.iloc[:20]).transform(table.iloc[20:])
    pd.testing.assert_frame_equal(out, again)


def test_noise_has_the_width_of_the_block_it_imitates():
    noise = noise_block(block(7, 1.0), like="cnn", seed=3)
    assert noise.shape == (40, 7)
    pd.testing.assert_frame_equal(noise, noise_block(block(7, 9.0), like="cnn", seed=3))


def test_blocks_without_common_wells_or_features_are_refused():
    other = block(3, 1.0).rename(index={"P": "Q"}, level=0)
    with pytest.raises(InputError, match="share no"):
        join_blocks({"a": block(3, 1.0), "b": other})
    with pytest.raises(InputError, match="lacks 1 block feature"):
        BlockFusion({"a": ["gone"]}).fit(block(3, 1.0))
    with pytest.raises(InputError, match="profile table"):
        BlockFusion({"a": ["x"]}).fit(np.eye(3))
