"""Steps `prepare`, `measure`, `represent` and `normalize`: from images to calibrated wells."""

from __future__ import annotations

from functools import partial

import pandas as pd

from phenolens import profiles
from phenolens.errors import ConfigError, InputError
from phenolens.files import write_json
from phenolens.prepared import Prepared
from phenolens.profiles import PLATE, WELL
from phenolens.represent.base import ALL, REPRESENTATIONS, Card, options_of
from phenolens.represent.cellprofiler import CellProfiler
from phenolens.represent.networks.network import Network
from phenolens.store import digest
from phenolens.study.design import screen, settings_of, splits
from phenolens.study.joint_features import joint_features
from phenolens.study.network_input import crops_of_cells
from phenolens.study.networks import NetworkTrainings
from phenolens.study.recipe import recipe_of
from phenolens.study.representations import check_names
from phenolens.study.session import Session, once
from phenolens.study.setting_aside import (
    missing_wells,
    note_images,
    note_left_out,
    note_units,
    note_wells,
    require_one_measurement,
)
from phenolens.study.trainings import Trainings
from phenolens.tools.block import Block
from phenolens.tools.files import write_profiles
from phenolens.tools.names import is_fusion
from phenolens.tools.read import to_wells
from phenolens.tools.representation import Profiles

WELL_KEY = [PLATE, WELL]


@once
def prepare(session: Session) -> Prepared | None:
    """Read the originals once into the store; None for a screen of profiles only."""
    from phenolens.prepare import prepare as fill
    from phenolens.prepare import save_estimates

    images = screen(session).images
    if images is None:
        return None
    settings = session.study.prepare
    files = images.table.drop(columns=images.metadata.columns.difference(images.key))
    folder = session.store.folder("images", files, list(images.channels))
    with session.progress.bar("Preparing images") as tick:
        done = fill(images, folder, correct=settings.illumination, jobs=session.jobs, progress=tick)
    save_estimates(done, session.out / "illumination", correct=settings.illumination)
    note_images(session, done)
    return done


@once
def fingerprint(session: Session) -> str:
    """Digest of all that the study reads: tables, profiles, and the images' files as they stand."""
    from phenolens.prepare import originals

    joined = screen(session)
    parts = [joined.wells, *(block.table for block in joined.profiles.values())]
    if joined.images is not None:
        parts += [joined.images.table, originals(joined.images)]
    return digest(*parts)


@once
def measure(session: Session) -> list | None:
    """Segment and measure every image; None for a screen of profiles only."""
    from phenolens.represent.measuring.cells import measure_cells
    from phenolens.represent.measuring.units import fields, write_plates

    prepared = prepare(session)
    if prepared is None:
        return None
    recipe = recipe_of(session, prepared)
    question = [prepared.folder.name, session.study.prepare.model_dump(), recipe.__dict__]
    folder = session.store.folder("cells", *question)
    # one copy of the network fits memory, and it uses the GPU or all cores by itself
    jobs = 1 if recipe.method == "cellpose" else session.jobs
    with session.progress.bar("Measuring cells") as tick:
        units = measure_cells(prepared, folder, recipe, jobs=jobs, progress=tick)
    units = note_units(session, units)
    write_plates(units, session.out / "cells")
    profiles.write_frame(fields(units), session.out / "fields.parquet")
    return units


@once
def represent(session: Session) -> dict[str, Block]:
    """All representations of the wells: profiles that were given, and those made of images."""
    given = {block.name: block for block in map(_given, screen(session).profiles.items())}
    if screen(session).images is None:
        return given
    wanted = session.study.represent.representations
    check_names(wanted, list(given))
    if not given and not wanted:
        raise ConfigError(
            "represent.representations is empty and no [[data.profiles]] are given, so there is "
            "nothing to study. Name one, such as 'cellprofiler'."
        )
    if twice := sorted(set(given) & set(wanted)):
        raise ConfigError(
            f"[[data.profiles]] name = '{twice[0]}' is also in represent.representations; "
            "give the profiles another name, or take it out there."
        )
    made = [name for name in wanted if not is_fusion(name) and _can_be_made(session, name)]
    return given | {name: _made(session, name) for name in made}


def _can_be_made(session: Session, name: str) -> bool:
    """Components need some images to differ; a single field is measured all the same."""
    found, fewest = len(prepare(session)), REPRESENTATIONS.get(name).fewest
    if found < fewest:
        session.progress.say(f"Left out: {name} needs {fewest} images or more, got {found}")
    return found >= fewest


def _given(item: tuple[str, object]) -> Block:
    name, block = item
    rows = block.table
    if block.level != "well":
        rows = to_wells(rows)
    card = Card(name, "well", (), preprocessing={"given": True, "normalized": block.normalized})
    return Block(name, {ALL: rows}, {ALL: card}, calibrated=block.normalized)


def _made(session: Session, name: str) -> Block:
    if REPRESENTATIONS.get(name).reads == "measurements":
        return _measured(session, name)
    block = trainings(session, name).block()
    seen = profiles.metadata(next(iter(block.tables.values())))
    lost = missing_wells(prepare(session).images.table, seen)
    note_wells(session, name, lost, "no cell found to crop")
    return block.mapped(partial(_described, session))


def trainings(session: Session, name: str) -> Trainings:
    """Every fit of a representation of this study, done or to be done."""
    kind = REPRESENTATIONS.get(name)
    images = prepare(session) if kind.reads == "images" else network_images(session)
    question = [fingerprint(session), session.study.prepare.model_dump(), images.cut]
    if not issubclass(kind, Network):
        return Trainings(session, name, images, question)
    if not kind.needs_measured:
        return NetworkTrainings(session, name, images, question)
    block = _measured(session, CellProfiler.name)
    wells = Profiles(block, splits(session), settings_of(session)).normalized.wells
    made = [measure(session)[0].path.parts[-3], session.study.normalize.model_dump()]
    features = joint_features(session, images, wells)
    return NetworkTrainings(session, name, images, question, features=features, measured=made)


@once
def network_images(session: Session) -> Prepared:
    """What networks read: crops around measured cells, or the images as they are."""
    prepared = prepare(session)
    if session.study.networks.input == "images" or prepared.images.level == "cell":
        return prepared
    return crops_of_cells(session, prepared, measure(session))


def _measured(session: Session, name: str) -> Block:
    units, prepared = measure(session), prepare(session)
    settings, kind = session.study.normalize, REPRESENTATIONS.get(name)
    made = kind.of(
        options_of(kind, session.study.model_dump()),
        level=prepared.images.level,
        seed=session.seed,
    )
    wells = session.store.table(
        name,
        units[0].path.parts[-3],
        fingerprint(session),
        settings.aggregate,
        settings.min_cells,
        make=lambda: made.wells(units, how=settings.aggregate, min_cells=settings.min_cells),
    )
    wells = _described(session, wells)
    require_one_measurement(session, wells)
    lost = missing_wells(prepared.images.table, profiles.metadata(wells))
    few = f"fewer than {settings.min_cells} cells" if settings.min_cells > 1 else "no cell"
    note_wells(session, name, lost, f"{few} found")
    card = Card(name, "well", prepared.channels, preprocessing={"measured": True})
    return Block(name, {ALL: wells}, {ALL: card})


def _described(session: Session, wells: pd.DataFrame) -> pd.DataFrame:
    """Attach the screen's metadata to wells by plate and well."""
    known = screen(session).wells
    keys = profiles.metadata(wells)
    new = [c for c in known if c not in keys or c in WELL_KEY]
    joined = keys.merge(known[new], on=WELL_KEY, how="left", validate="many_to_one")
    return profiles.with_metadata(wells, joined.to_dict("series"))


@once
def profiled(session: Session) -> dict[str, Profiles]:
    """Every representation with the design and settings that decide its numbers."""
    design, settings = splits(session), settings_of(session)
    return {name: Profiles(block, design, settings) for name, block in represent(session).items()}


@once
def normalize(session: Session) -> dict[str, Block]:
    """Calibrate wells on their plate's calibrating controls; write ``profiles/``."""
    items = profiled(session)
    for item in items.values():
        note_left_out(session, item)
        if not len(item.normalized.wells.columns):
            raise InputError(f"Representation '{item.name}' has no usable feature left.")
        write_profiles(item, session.out / "profiles")
    notes = {
        name: item.normalized.notes | {"selection": item.compared.notes["selection"]}
        for name, item in items.items()
    }
    write_json(session.out / "normalization.json", notes)
    return {name: item.normalized for name, item in items.items()}
