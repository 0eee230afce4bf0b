"""Columns that several files share."""

from __future__ import annotations

from phenolens.schema.kinds import FLAG, REAL, TEXT, WHOLE, Column

REPRESENTATION = Column("representation", TEXT, "name of the representation", in_order=True)
SPACE = Column("space", TEXT, "what the values were, see above", label="Computed on")
PLATE = Column("Metadata_Plate", TEXT, "plate")
WELL = Column("Metadata_Well", TEXT, "well: `B07`")
SITE = Column("Metadata_Site", TEXT, "field of the well")
OBJECT = Column(
    "Metadata_ObjectNumber", WHOLE, "number of the cell", label="Object", when="of single cells"
)
TREATMENT = Column("Metadata_Treatment", TEXT, "treatment: compound and concentration, or gene")
ANY_TREATMENT = Column(
    "Metadata_Treatment", TEXT, "treatment; null where the screen does not say", nullable=True
)
COMPOUND = Column("Metadata_Compound", TEXT, "compound", nullable=True)
CONCENTRATION = Column(
    "Metadata_Concentration",
    REAL,
    "concentration; micromolar unless the plate map says otherwise",
    nullable=True,
    unit="µM",
)
MECHANISM = Column(
    "Metadata_Mechanism", TEXT, "mechanism of action; `A|B` where there are two", nullable=True
)
TARGET = Column("Metadata_Target", TEXT, "target", nullable=True)
BATCH = Column("Metadata_Batch", TEXT, "batch", nullable=True)
CONTROL = Column("Metadata_Control", FLAG, "whether the well is a negative control")
