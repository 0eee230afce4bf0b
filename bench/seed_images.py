"""Findings 6 to 8: augmentation, tested rows in training, grey images, thresholds, units."""

from __future__ import annotations

import numpy as np
import pandas as pd
from seed_plate import Fields
from seed_scores import scaled_wells

from phenolens import profiles
from phenolens.errors import InputError
from phenolens.evaluate.classification.baselines import baselines
from phenolens.evaluate.classification.classification import Candidate, classify
from phenolens.evaluate.compare import compare_pairs
from phenolens.interpret.activation import activation_table
from phenolens.interpret.explain import Maps
from phenolens.learn.components import Components
from phenolens.learn.logistic import LogisticPath
from phenolens.profiles import TREATMENT, WELL_KEY
from phenolens.published.audit.checks.chance_map import expected_map, mean_average_precision
from phenolens.published.audit.checks.unit import design_effect
from phenolens.represent.networks.augment import Augment
from phenolens.splits import make_folds

LABELS, EPOCHS, BATCH = 24, 40, 28
WELLS, GROUPS, DRAWS = 30, 10, 400
BRIGHT = "Cells_Intensity_MeanIntensity_DNA"


def learned_rows(plate: Fields, *, epochs: int = EPOCHS) -> dict[str, dict[str, float]]:
    """6. A small network on the first wells, with and without augmentation, fields dealt out.

    Training and test accuracy, and mAP of its embedding asked about all rows, as the study asked,
    and about tested rows only.
    """
    keys = plate.keys
    names = sorted(keys.loc[~keys["Metadata_Control"], TREATMENT].unique())[:LABELS]
    rows = np.flatnonzero(keys[TREATMENT].isin(names))
    codes = pd.factorize(keys[TREATMENT].iloc[rows], sort=True)[0]
    pictures = scaled(plate.small[rows])
    test = keys["Metadata_Site"].iloc[rows].to_numpy() % 4 == 0
    out = {"chance": {"accuracy": 1 / len(names), **_maps(None, codes, test)}}
    for name, augment in (("off", False), ("on", True)):
        told, seen = network(pictures, codes, ~test, augment=augment, epochs=epochs)
        right = told == codes
        out[name] = {"train": right[~test].mean(), "test": right[test].mean()}
        out[name] |= _maps(seen, codes, test)
    return {name: {k: float(v) for k, v in part.items()} for name, part in out.items()}


def _maps(seen: np.ndarray | None, codes: np.ndarray, test: np.ndarray) -> dict[str, float]:
    """mAP over all rows and over tested ones; of a random order where there is no embedding."""
    out = {}
    for name, rows in (("map_all", np.ones_like(test)), ("map_tested", test)):
        labels = pd.Series(codes[rows])
        out[name] = (
            expected_map(labels) if seen is None else mean_average_precision(seen[rows], labels)
        )
    return out


def scaled(small: np.ndarray) -> np.ndarray:
    """Each stain at mean 0 and spread 1."""
    axes = (0, 2, 3)
    return (small - small.mean(axes, keepdims=True)) / small.std(axes, keepdims=True)


def network(
    pictures: np.ndarray, codes: np.ndarray, train: np.ndarray, *, augment: bool, epochs: int
) -> tuple[np.ndarray, np.ndarray]:
    """What a small ResNet says of each picture, and its embedding, after training on some."""
    import torch

    from phenolens.represent.networks.architecture import Architecture
    from phenolens.represent.networks.backbones import StainNetwork

    torch.manual_seed(0)
    torch.set_num_threads(1)
    rng, rows = np.random.default_rng(0), np.flatnonzero(train)
    architecture = Architecture(stem="classic", width=16)
    classes = int(codes.max()) + 1
    model = StainNetwork(pictures.shape[1], classes, architecture=architecture)
    steps = torch.optim.Adam(model.parameters(), lr=1e-3)
    for _ in range(epochs):
        for part in np.array_split(rng.permutation(rows), len(rows) // BATCH + 1):
            seen = torch.from_numpy(pictures[part])
            loss = torch.nn.functional.cross_entropy(
                model(varied(seen, rng) if augment else seen), torch.from_numpy(codes[part])
            )
            steps.zero_grad()
            loss.backward()
            steps.step()
    with torch.no_grad():
        seen = model.eval().embed(torch.from_numpy(pictures))
        return model.classify(seen).argmax(1).numpy(), seen.numpy().astype(np.float64)


def varied(seen: object, rng: np.random.Generator) -> object:
    """Turned, flipped, and a little brighter or darker by stain, as our networks' training is."""
    import torch

    augment = Augment()
    shape = (seen.shape[0], seen.shape[1])
    gain, offset = (torch.from_numpy(v) for v in augment.staining(shape, rng))
    return augment.place(seen, rng) * gain[..., None, None] + offset[..., None, None]


def grey_input(screen: Fields) -> dict[str, float]:
    """7. Leave-plate-out on a screen with effects: five stains, one grey mean, baselines."""
    tables = {name: scaled_wells(getattr(screen, name)) for name in ("stains", "grey")}
    ours = [Candidate(name, t, Components(standardize=True)) for name, t in tables.items()]
    folds = make_folds(
        profiles.metadata(tables["stains"]), label=TREATMENT, seed=0, leave_out="plate"
    )
    known = baselines(tables["stains"], seed=0, unit=folds.unit, intensity=[])[:2]
    heads = {"logistic": LogisticPath(balanced=True)}
    found = classify([*ours, *known], folds, seed=0, heads=heads)
    pooled = found.results.query("fold == 'all' and metric == 'balanced_accuracy'")
    values = pooled.set_index("representation")["value"]
    values = {name.removeprefix("baseline:"): float(value) for name, value in values.items()}
    return values | _gain(found.predictions)


def _gain(predictions: pd.DataFrame) -> dict[str, float]:
    """What the stains gain over grey on treated wells, paired, treatments drawn whole."""
    told = predictions[~predictions["control"].astype(bool)].copy()
    told["value"] = told["correct"].astype(float)
    pair = compare_pairs(
        told, [("stains", "grey")], key=list(WELL_KEY), seed=0, cluster="label"
    ).iloc[0]
    return {name: float(pair[name]) for name in ("difference", "low", "high", "p")}


def quantile_threshold(*, maps: int = 200) -> dict[str, float]:
    """8a. Area fractions of random maps, by quantile and relative to the maximum."""
    from scipy.ndimage import zoom

    rng = np.random.default_rng(0)
    coarse = rng.random((maps, 7, 7)).astype(np.float32)
    wide = np.clip(zoom(coarse, (1, 8, 8), order=1), 0, None)
    wide /= wide.max(axis=(1, 2), keepdims=True)
    cut = np.quantile(wide, 0.8, axis=(1, 2), keepdims=True)
    area = (wide >= cut).mean(axis=(1, 2))
    table = activation_table(_drawn_maps(wide), pd.DataFrame(index=range(maps)))
    out = {"quantile_mean": area.mean(), "quantile_sd": area.std()}
    for name in ("area_0.5_image", "area_0.8_image"):
        out |= {f"{name[:8]}_mean": table[name].mean(), f"{name[:8]}_sd": table[name].std()}
    return {key: float(value) for key, value in out.items()}


def _drawn_maps(wide: np.ndarray) -> Maps:
    names = np.full(len(wide), "random")
    return Maps(wide[:, None], names, names, "grad-cam", stride=32)


def refused_threshold() -> str:
    """What our own measure answers when it is asked for a quantile."""
    one = np.ones((1, 2, 2), np.float32)
    try:
        activation_table(_drawn_maps(one), pd.DataFrame(index=[0]), relative_to="quantile")
    except InputError as error:
        return str(error)
    raise AssertionError("a quantile was accepted")


def fields_as_units(plate: Fields, *, draws: int = DRAWS, wells: int = WELLS) -> dict[str, float]:
    """8b. How often ANOVA calls DMSO wells dealt to groups different, by field and by well."""
    keys = plate.keys
    control = keys["Metadata_Control"].to_numpy(bool)
    values = np.column_stack([plate.stains[BRIGHT], plate.stains.to_numpy(np.float64)])[control]
    well = pd.factorize(keys["Metadata_Well"][control])[0]
    rng, found = np.random.default_rng(0), []
    for _ in range(draws):
        chosen = rng.permutation(well.max() + 1)[:wells]
        group = np.full(well.max() + 1, -1)
        group[chosen] = np.arange(wells) % GROUPS
        used = group[well] >= 0
        means = np.stack([values[well == w].mean(axis=0) for w in chosen])
        pair = anova(values[used], group[well[used]]), anova(means, group[chosen])
        found.append([[p[0] < 0.05, (p < 0.05).mean()] for p in pair])
    rates = np.mean(found, axis=0)
    maps = keys[control].assign(area_fraction=values[:, 0])
    names = ("fields_bright", "fields_features", "wells_bright", "wells_features")
    return dict(zip(names, map(float, rates.ravel()), strict=True)) | {
        "within_wells": float(design_effect(maps)[0])
    }


def anova(values: np.ndarray, group: np.ndarray) -> np.ndarray:
    """p of one-way analysis of variance for every column."""
    from scipy.stats import f_oneway

    return f_oneway(*(values[group == g] for g in np.unique(group))).pvalue
