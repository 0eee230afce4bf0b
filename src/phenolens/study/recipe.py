"""How the fields of a study are segmented and measured, from the settings of its file."""

from __future__ import annotations

from phenolens.errors import ConfigError
from phenolens.prepared import Prepared
from phenolens.represent.measuring.labelling import Recipe
from phenolens.study.session import Session


def recipe_of(session: Session, prepared: Prepared) -> Recipe:
    """The recipe that the study file asks for.

    Raises
    ------
    ConfigError
        If a stain or method does not fit the images.
    InputError
        If Cellpose is asked for and not installed.
    """
    settings = session.study.segment
    diameters = {
        "nucleus_diameter": settings.nucleus_diameter,
        "cell_diameter": settings.cell_diameter,
    }
    options = {name: value for name, value in diameters.items() if value} | settings.options
    families = tuple(session.study.measure.families) or _families()
    _check_method(settings.method, prepared)
    return Recipe(_nuclei(session, prepared.channels), options, families, settings.method)


def _check_method(method: str, prepared: Prepared) -> None:
    """Refuse Cellpose where it cannot work, before any field is measured."""
    if method != "cellpose":
        return
    if prepared.images.level == "cell":
        raise ConfigError("segment.method = 'cellpose' is for fields and tiles, not for crops.")
    if prepared.images.label_columns:
        raise ConfigError(
            "segment.method = 'cellpose', but [data.images] labels say where the objects are: "
            "take one of the two out."
        )
    from phenolens.segment import require_cellpose

    require_cellpose()


def _families() -> tuple[str, ...]:
    """All but Costes, which JUMP's production pipeline leaves out too: often NaN, and slow."""
    from phenolens.measure import FAMILIES

    return tuple(name for name in FAMILIES if name not in ("Costes", "Moments"))


def _nuclei(session: Session, channels: tuple[str, ...]) -> str:
    images = session.study.data.images
    named = images.nuclei if images else None
    if named is not None and named not in channels:
        raise ConfigError(
            f"data.images.nuclei = '{named}', but the stains are {', '.join(channels)}."
        )
    known = [c for c in channels if c.lower() in {"dna", "dapi", "hoechst", "nuclei", "nucleus"}]
    if named is None and not known:
        session.progress.say(
            f"No stain is known to show nuclei; taking the first, {channels[0]}. "
            "Name another with [data.images] nuclei."
        )
    return named or (known or list(channels))[0]
