"""What perturbations do: one programme per mechanism, each in a known compartment and stain."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True)
class Programme:
    """A planted change of morphology.

    Attributes
    ----------
    name, mechanism : str
        Name of the change; name of the mechanism of action that causes it.
    compartment : str
        ``Nuclei``, ``Cytoplasm`` or ``Cells``.
    stains : tuple of str
        Stains that show the change.
    changes : dict of str to float
        Change of each trait at strength 1 (see :func:`phenolens.simulate.traits.apply_effect`).
    survival : float
        Share of cells left at strength 1.
    gene : str
        Target that annotations name.
    """

    name: str
    mechanism: str
    compartment: str
    stains: tuple[str, ...]
    changes: dict[str, float] = field(default_factory=dict)
    survival: float = 1.0
    gene: str = ""


_ALL = ("DNA", "ER", "RNA", "AGP", "Mito")
PROGRAMMES: tuple[Programme, ...] = (
    Programme(
        "golgi fragmentation",
        "ARF1 exchange inhibitor",
        "Cytoplasm",
        ("AGP",),
        {"golgi_scatter": 1.0, "golgi": 0.35},
        gene="GBF1",
    ),
    Programme(
        "nucleolar RNA loss",
        "RNA polymerase I inhibitor",
        "Nuclei",
        ("RNA",),
        {"nucleolus_amplitude": -1.6},
        gene="POLR1A",
    ),
    Programme(
        "mitochondrial fragmentation",
        "mitochondrial uncoupler",
        "Cytoplasm",
        ("Mito",),
        {"mito_fragments": 0.95, "mito": 0.45},
        gene="UCP1",
    ),
    Programme(
        "ER stress",
        "SERCA inhibitor",
        "Cytoplasm",
        ("ER",),
        {"er": 0.50, "er_reach": 0.35},
        gene="ATP2A2",
    ),
    Programme(
        "nuclear enlargement",
        "topoisomerase II inhibitor",
        "Nuclei",
        _ALL,
        {"nucleus_radius": 0.25, "chromatin": 0.3},
        survival=0.60,
        gene="TOP2A",
    ),
    Programme(
        "actin stress fibres",
        "Rho activator",
        "Cytoplasm",
        ("AGP",),
        {"actin": 2.0, "cortex": 1.0},
        gene="RHOA",
    ),
    Programme(
        "perinuclear collapse of mitochondria",
        "tubulin polymerization inhibitor",
        "Cytoplasm",
        ("Mito",),
        {"mito_reach": -1.2, "mito": 0.45},
        survival=0.75,
        gene="TUBB",
    ),
    Programme(
        "elongation",
        "TGF beta receptor agonist",
        "Cells",
        _ALL,
        {"cell_elongation": 0.75, "nucleus_elongation": 0.30},
        gene="TGFBR1",
    ),
    Programme(
        "multinucleation",
        "Aurora kinase inhibitor",
        "Nuclei",
        _ALL,
        {"nuclei": 1.4, "cell_radius": 0.20},
        survival=0.55,
        gene="AURKB",
    ),
    Programme(
        "chromatin condensation",
        "HDAC inhibitor",
        "Nuclei",
        ("DNA",),
        {"chromatin": 0.60, "dna": 0.30},
        gene="HDAC1",
    ),
    Programme(
        "mitochondrial depolarization",
        "complex I inhibitor",
        "Cytoplasm",
        ("Mito",),
        {"mito": -0.75},
        gene="NDUFS1",
    ),
    Programme(
        "cytoplasmic RNA loss",
        "translation inhibitor",
        "Cytoplasm",
        ("RNA",),
        {"rna": -0.45},
        survival=0.80,
        gene="EEF2",
    ),
)


def response(concentration: float, *, ec50: float, slope: float) -> float:
    """Hill response between 0 and 1 at a concentration (same unit as ``ec50``)."""
    powered = concentration**slope
    return powered / (powered + ec50**slope)
