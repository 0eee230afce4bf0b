"""The design of a simulated screen: who is where, and what is done to whom."""

from __future__ import annotations

from dataclasses import dataclass

from phenolens.errors import DesignError
from phenolens.simulate.field import CONFLUENCE
from phenolens.simulate.programmes import PROGRAMMES

MODALITIES = ("compound", "crispr", "orf")
LAYOUTS = ("scrambled", "fixed")
GUIDES_PER_GENE = 2


@dataclass(frozen=True)
class ScreenDesign:
    """What to simulate. The defaults are the demo: 4 plates, 72 wells a plate, 576 fields.

    Attributes
    ----------
    plates, batches : int
        Replicate plates; they are shared out evenly over the batches.
    treatments : int
        Treatments on every plate (a compound at a concentration, a guide or an ORF).
    replicates, control_wells, sites : int
        Wells per treatment and plate, negative control wells per plate, fields per well.
    mechanisms : int
        Mechanisms that the active compounds or genes share, at most 12.
    inactive, toxic : int
        Compounds (guides) that do nothing, and that only kill.
    concentrations : tuple of float
        Micromolar. Every compound is given at the first.
    dosed : int
        So many active compounds are also given at the other concentrations.
    modality : {"compound", "crispr", "orf"}
        Genetic screens have two guides (or clones) a gene that share its effect.
    layout : {"scrambled", "fixed"}
        A new random layout for each plate, or one for all.
    rows, columns : int
        Plate geometry; wells are used from the left and the rest stays empty.
    field_size, cell_diameter, confluence
        See :func:`phenolens.simulate.simulate_field`.
    strength : float
        Factor on every planted change; 0 gives a screen in which nothing is active.
    off_target : float
        Strength of a second programme, relative to the first, in all but the first compound (gene)
        of a mechanism: compounds of one mechanism are alike and yet not the same. 0 makes them so.
    batch_effect, plate_effect, position_effect : float
        Factors on these nuisances; 0 switches one off.
    seed : int
    project, source : str
        Names of the two top folders.

    Raises
    ------
    DesignError
        If the numbers do not fit one another.
    """

    plates: int = 4
    batches: int = 2
    treatments: int = 24
    replicates: int = 2
    control_wells: int = 24
    sites: int = 2
    mechanisms: int = 8
    inactive: int = 5
    toxic: int = 2
    concentrations: tuple[float, ...] = (10.0, 1.0)
    dosed: int = 1
    modality: str = "compound"
    layout: str = "scrambled"
    rows: int = 8
    columns: int = 12
    field_size: int = 256
    cell_diameter: float = 56.0
    confluence: float = CONFLUENCE
    strength: float = 1.4
    off_target: float = 0.6
    batch_effect: float = 1.0
    plate_effect: float = 1.0
    position_effect: float = 1.0
    seed: int = 0
    project: str = "sim0001-phenolens"
    source: str = "source_sim"

    def __post_init__(self) -> None:
        _require_choice("modality", self.modality, MODALITIES)
        _require_choice("layout", self.layout, LAYOUTS)
        _require_counts(self)
        if self.active < 0:
            raise DesignError(
                f"{self.treatments} treatments cannot hold {self.inactive} inactive and "
                f"{self.toxic} toxic ones beside {self.extra_doses} extra doses; raise treatments."
            )
        if not self.genetic and self.dosed > self.active:
            raise DesignError(
                f"dosed is {self.dosed}, but only {self.active} compounds are active."
            )
        if self.genetic and self.treatments % GUIDES_PER_GENE:
            raise DesignError(
                f"A {self.modality} screen has {GUIDES_PER_GENE} guides a gene, so treatments "
                f"must be even; got {self.treatments}."
            )

    @property
    def genetic(self) -> bool:
        """Whether treatments are guides or clones instead of compounds."""
        return self.modality != "compound"

    @property
    def extra_doses(self) -> int:
        """Treatments that are further doses of a compound."""
        return 0 if self.genetic else self.dosed * (len(self.concentrations) - 1)

    @property
    def active(self) -> int:
        """Compounds (guides) with a programme."""
        return self.treatments - self.extra_doses - self.inactive - self.toxic

    @property
    def wells_per_plate(self) -> int:
        """Wells in use on each plate."""
        return self.treatments * self.replicates + self.control_wells

    @property
    def n_fields(self) -> int:
        """Fields of view in the whole screen."""
        return self.plates * self.wells_per_plate * self.sites


def _require_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise DesignError(f"{name} is {value!r}; choose one of {', '.join(known)}.")


def _require_counts(design: ScreenDesign) -> None:
    for name in ("plates", "batches", "treatments", "replicates", "sites", "mechanisms"):
        if getattr(design, name) < 1:
            raise DesignError(f"{name} is {getattr(design, name)}; it must be at least 1.")
    for name in ("control_wells", "inactive", "toxic", "dosed"):
        if getattr(design, name) < 0:
            raise DesignError(f"{name} is {getattr(design, name)}; it cannot be negative.")
    if design.batches > design.plates:
        raise DesignError(f"{design.plates} plates cannot be spread over {design.batches} batches.")
    if design.mechanisms > len(PROGRAMMES):
        raise DesignError(
            f"{design.mechanisms} mechanisms asked for; there are {len(PROGRAMMES)} programmes."
        )
    if design.off_target < 0:
        raise DesignError(f"off_target is {design.off_target}; it cannot be negative.")
    if design.wells_per_plate > design.rows * design.columns:
        raise DesignError(
            f"{design.wells_per_plate} wells do not fit on a plate of {design.rows} rows and "
            f"{design.columns} columns; use fewer wells or rows=16, columns=24."
        )
    if design.rows > 32 or design.columns > 48:
        raise DesignError(
            f"A plate of {design.rows} rows and {design.columns} columns is larger than 1536 wells."
        )
    if not design.concentrations or min(design.concentrations) <= 0:
        raise DesignError(
            f"concentrations are {design.concentrations}; give one or more above zero."
        )
