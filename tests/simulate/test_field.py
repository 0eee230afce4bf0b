"""A simulated field: determinism, camera, labels, and effects that stay where they were planted."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.ndimage import binary_erosion

from phenolens.errors import InputError
from phenolens.simulate.field import Effect, count_cells, simulate_field
from phenolens.simulate.optics import Conditions, Illumination
from phenolens.simulate.programmes import PROGRAMMES
from phenolens.simulate.stains import STAINS
from phenolens.simulate.traits import ADDITIVE, TRAITS

BY_NAME = {programme.name: programme for programme in PROGRAMMES}
SEEDS = range(6)
# Share of the change in the programme's first stain that must lie in the declared compartment.
IN_COMPARTMENT = 0.55


def perturbed(name: str, seed: int, *, strength: float = 1.0, penetrance: float = 1.0):
    effect = Effect(BY_NAME[name].changes, strength, penetrance)
    return simulate_field(seed, effect=effect, with_mask=True)


def compartments(*fields) -> dict[str, np.ndarray]:
    nuclei = np.any([field.nuclei > 0 for field in fields], axis=0)
    cells = np.any([field.cells > 0 for field in fields], axis=0)
    return {"Nuclei": nuclei, "Cytoplasm": cells & ~nuclei, "Cells": cells}


def test_same_seed_same_bytes_and_other_seed_other_bytes():
    one, again, other = simulate_field(3), simulate_field(3), simulate_field(4)
    assert one.pixels.tobytes() == again.pixels.tobytes()
    assert one.cells.tobytes() == again.cells.tobytes()
    assert one.pixels.tobytes() != other.pixels.tobytes()


def test_pixels_are_uint16_with_offset_and_unsaturated_background():
    field = simulate_field(1)
    assert field.pixels.shape == (5, 256, 256)
    assert field.pixels.dtype == np.uint16
    background = field.pixels[:, field.cells == 0]
    assert background.min() > 100
    assert np.median(background, axis=1).max() < 2000
    assert (np.percentile(field.pixels, 99.5, axis=(1, 2)) > 1400).all()


def test_fields_hold_ten_to_twenty_cells_on_average():
    counts = [simulate_field(seed).n_cells for seed in range(20)]
    assert 10 < np.mean(counts) < 22


def test_label_images_are_consistent():
    for seed in SEEDS:
        field = simulate_field(seed)
        inside = field.nuclei > 0
        assert (field.nuclei[inside] == field.cells[inside]).all()
        assert set(np.unique(field.cells)) == set(range(field.n_cells + 1))
        assert field.n_responding == 0


def test_brightness_of_compartments_is_that_of_a_cell_painting_image():
    field = simulate_field(2)
    parts = compartments(field)
    level = {
        (stain, part): np.median(field.pixels[c][mask])
        for c, stain in enumerate(STAINS)
        for part, mask in parts.items()
    }
    assert level["DNA", "Nuclei"] > 6 * level["DNA", "Cytoplasm"]
    assert level["RNA", "Nuclei"] > level["ER", "Nuclei"]
    outside = np.median(field.pixels[:, field.cells == 0], axis=1)
    assert all(level[stain, "Cytoplasm"] > outside[c] for c, stain in enumerate(STAINS))


def test_nucleoli_are_bright_in_rna_and_dark_in_dna():
    lost = Effect(BY_NAME["nucleolar RNA loss"].changes, 3.0)
    difference, dna = [], []
    for seed in SEEDS:
        with_them, without = simulate_field(seed), simulate_field(seed, effect=lost)
        nuclei = with_them.nuclei > 0
        rna = with_them.pixels[2].astype(float) - without.pixels[2]
        nucleoli = nuclei & (rna > 1500)
        ring = binary_erosion(nuclei, iterations=4) & (np.abs(rna) < 200)
        difference.append(rna[nucleoli].mean())
        dna.append(with_them.pixels[0][nucleoli].mean() / with_them.pixels[0][ring].mean())
    assert np.mean(difference) > 2000
    assert np.mean(dna) < 0.97


@pytest.mark.parametrize("name", sorted(BY_NAME))
def test_effect_is_in_its_mask_stain_and_compartment_and_nowhere_else(name):
    programme = BY_NAME[name]
    main = STAINS.index(programme.stains[0])
    changed, elsewhere, inside = np.zeros(5), np.zeros(5), np.zeros(2)
    for seed in SEEDS:
        before, after = simulate_field(seed), perturbed(name, seed)
        difference = np.abs(after.pixels.astype(float) - before.pixels)
        bits = (after.mask[None] >> np.arange(5)[:, None, None]) & 1 == 1
        changed += bits.mean(axis=(1, 2))
        relative = difference / before.pixels
        elsewhere = np.maximum(
            elsewhere, [d[~m].mean() for d, m in zip(relative, bits, strict=True)]
        )
        part = compartments(before, after)[programme.compartment]
        inside += [difference[main][bits[main] & part].sum(), difference[main][bits[main]].sum()]
    declared = np.array([stain in programme.stains for stain in STAINS])
    assert (changed[declared] / len(SEEDS) > 0.01).all()
    assert (changed[~declared] / len(SEEDS) < 0.01).all()
    assert elsewhere.max() < 0.03
    assert inside[0] > IN_COMPARTMENT * inside[1]


def test_stains_that_an_effect_spares_keep_their_counts():
    before = simulate_field(1)
    after = perturbed("mitochondrial depolarization", 1)
    assert (before.pixels[:3] == after.pixels[:3]).all()
    assert (before.pixels[4] != after.pixels[4]).any()


@pytest.mark.parametrize(
    "effect",
    [Effect(), Effect({"er": 1.0}, strength=0.0), Effect({"er": 1.0}, 1.0, penetrance=0.0)],
)
def test_no_strength_or_no_penetrance_is_no_change(effect):
    plain, treated = simulate_field(5), simulate_field(5, effect=effect, with_mask=True)
    assert plain.pixels.tobytes() == treated.pixels.tobytes()
    assert not treated.mask.any()
    assert treated.n_responding == 0


def test_strength_is_a_known_amount():
    """An ER trait raised by log 1.5 raises the light of the ER stain by half."""
    flat = Conditions(illumination=(Illumination(falloff=(0.0, 0.0)),) * 5)
    effect = Effect({"er": float(np.log(1.5))}, 1.0)
    before = simulate_field(7, conditions=flat)
    after = simulate_field(7, conditions=flat, effect=effect)
    inside = before.cells > 0
    level = np.median(before.pixels[1][~inside])
    ratio = (after.pixels[1][inside] - level).mean() / (before.pixels[1][inside] - level).mean()
    assert 1.4 < ratio < 1.65


def test_penetrance_is_the_share_of_responding_cells():
    fields = [perturbed("ER stress", seed, penetrance=0.5) for seed in range(15)]
    share = sum(f.n_responding for f in fields) / sum(f.n_cells for f in fields)
    assert 0.4 < share < 0.6


def test_toxicity_removes_cells_and_changes_no_survivor():
    toxic = Effect(survival=0.4)
    alive = [simulate_field(seed, effect=toxic) for seed in range(15)]
    counts = [field.n_cells for field in alive]
    assert np.mean(counts) < 0.6 * np.mean([simulate_field(s).n_cells for s in range(15)])
    assert not any(simulate_field(s, effect=toxic, with_mask=True).mask.any() for s in range(3))


def test_illumination_darkens_the_corners():
    uneven = Conditions(illumination=(Illumination((0.0, 0.0), (0.5, 0.5)),) * 5)
    total = np.zeros((5, 256, 256))
    for seed in SEEDS:
        total += simulate_field(seed, conditions=uneven, effect=Effect(survival=0.0)).pixels
    mean = total / len(SEEDS) - 100
    centre, corner = (
        mean[:, 118:138, 118:138].mean(axis=(1, 2)),
        mean[:, :20, :20].mean(axis=(1, 2)),
    )
    expected = np.exp(-2 * 0.5 * (1 - 10 / 128) ** 2)
    assert np.allclose(corner / centre, expected, atol=0.08)


def test_gain_scales_one_stain():
    double = Conditions(gain=(1.0, 2.0, 1.0, 1.0, 1.0))
    plain, bright = simulate_field(8), simulate_field(8, conditions=double)
    assert (plain.pixels[0] == bright.pixels[0]).all()
    assert bright.pixels[1].mean() > 1.4 * plain.pixels[1].mean()


def test_count_cells_agrees_with_the_full_field():
    effect = Effect(BY_NAME["multinucleation"].changes, 1.0, 0.7, survival=0.8)
    settings = {"field_size": 200, "cell_diameter": 44.0, "confluence": 0.5}
    settings |= {"effect": effect, "conditions": Conditions(density=0.9)}
    for seed in SEEDS:
        field = simulate_field(seed, **settings)
        assert count_cells(seed, **settings) == (field.n_cells, field.n_responding)


def test_an_empty_field_has_no_labels():
    field = simulate_field(0, effect=Effect(survival=0.0), with_mask=True)
    assert field.n_cells == 0
    assert not field.cells.any()
    assert not field.nuclei.any()


@pytest.mark.parametrize(
    ("settings", "word"),
    [
        ({"cell_diameter": 4}, "cell_diameter"),
        ({"field_size": 32}, "fit into the field"),
        ({"confluence": 0.0}, "confluence"),
    ],
)
def test_impossible_sizes_are_refused(settings, word):
    with pytest.raises(InputError, match=word):
        simulate_field(0, **settings)


def test_programmes_name_known_traits_stains_and_compartments():
    for programme in PROGRAMMES:
        assert set(programme.changes) <= set(TRAITS)
        assert set(programme.stains) <= set(STAINS)
        assert programme.compartment in {"Nuclei", "Cytoplasm", "Cells"}
        assert 0 < programme.survival <= 1
    assert len({programme.mechanism for programme in PROGRAMMES}) == len(PROGRAMMES)
    assert set(TRAITS) >= ADDITIVE
