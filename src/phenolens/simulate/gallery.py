"""Where the files of a screen lie, and its tables: the Cell Painting Gallery layout."""

from __future__ import annotations

from pathlib import Path, PurePosixPath

import pandas as pd

from phenolens.files import atomic_path
from phenolens.profiles import write_frame
from phenolens.simulate.design import ScreenDesign
from phenolens.simulate.layout import Well, plate_names, platemap_name
from phenolens.simulate.stains import STAINS
from phenolens.simulate.treatments import SimulatedTreatment, controls, treatments

# Channel numbers as the CPJUMP1 plates have them, so that nobody can take them for the stain order.
CHANNEL_NUMBER = {"Mito": 1, "AGP": 2, "RNA": 3, "ER": 4, "DNA": 5}


def image_folder(design: ScreenDesign, batch: str, plate: str) -> PurePosixPath:
    """Folder of a plate's images, relative to the folder that was written to."""
    return PurePosixPath(design.project, design.source, "images", batch, "images", plate, "Images")


def workspace(design: ScreenDesign) -> PurePosixPath:
    """Folder of the tables, relative to the folder that was written to."""
    return PurePosixPath(design.project, design.source, "workspace")


def image_name(well: Well, site: int, stain: str) -> str:
    """File name as an Opera Phenix writes it."""
    place = f"r{well.row + 1:02d}c{well.column + 1:02d}f{site:02d}p01"
    return f"{place}-ch{CHANNEL_NUMBER[stain]}sk1fk1fl1.tiff"


def image_paths(design: ScreenDesign, well: Well, site: int) -> list[PurePosixPath]:
    """Paths of a field's stains in the order DNA, ER, RNA, AGP, Mito."""
    folder = image_folder(design, well.batch, well.plate)
    return [folder / image_name(well, site, stain) for stain in STAINS]


def write_tables(design: ScreenDesign, folder: Path, *, wells: list[Well]) -> None:
    """Write LoadData, platemaps, barcodes and metadata."""
    root = folder / workspace(design)
    for batch, plate in plate_names(design):
        on_plate = [well for well in wells if well.plate == plate]
        write_frame(
            _load_data(design, on_plate), root / "load_data_csv" / batch / plate / "load_data.csv"
        )
        maps = root / "metadata" / "platemaps" / batch / "platemap"
        _write_tsv(_platemap(design, on_plate), maps / f"{platemap_name(design, plate)}.txt")
    for batch in dict.fromkeys(batch for batch, _ in plate_names(design)):
        target = root / "metadata" / "platemaps" / batch / "barcode_platemap.csv"
        write_frame(_barcodes(design, batch), target)
    external = root / "metadata" / "external_metadata" / "external_metadata.tsv"
    _write_tsv(_annotation(design), external)


def _write_tsv(frame: pd.DataFrame, path: Path) -> None:
    with atomic_path(path) as partial:
        frame.to_csv(partial, index=False, sep="\t")


def _load_data(design: ScreenDesign, wells: list[Well]) -> pd.DataFrame:
    rows = []
    for well in wells:
        folder = image_folder(design, well.batch, well.plate).as_posix()
        for site in range(1, design.sites + 1):
            row: dict[str, object] = {
                "Metadata_Batch": well.batch,
                "Metadata_Plate": well.plate,
                "Metadata_Well": well.name,
                "Metadata_Site": site,
            }
            for stain in STAINS:
                row[f"FileName_Orig{stain}"] = image_name(well, site, stain)
                row[f"PathName_Orig{stain}"] = folder
            rows.append(row)
    return pd.DataFrame(rows)


def _platemap(design: ScreenDesign, wells: list[Well]) -> pd.DataFrame:
    frame = pd.DataFrame(
        {
            "plate_map_name": platemap_name(design, wells[0].plate),
            "well_position": [well.name for well in wells],
            "broad_sample": [well.treatment.sample for well in wells],
        }
    )
    if design.genetic:
        return frame
    # A blank broad_sample is a well that got the solvent alone.
    millimolar = [well.treatment.concentration / 1000 for well in wells]
    return frame.assign(mmoles_per_liter=millimolar, solvent="DMSO")


def _barcodes(design: ScreenDesign, batch: str) -> pd.DataFrame:
    plates = [plate for name, plate in plate_names(design) if name == batch]
    names = [platemap_name(design, plate) for plate in plates]
    return pd.DataFrame({"Assay_Plate_Barcode": plates, "Plate_Map_Name": names})


def _annotation(design: ScreenDesign) -> pd.DataFrame:
    """What is publicly known about each sample: the truth stays in ``truth/``."""
    samples = {t.sample: t for t in [*treatments(design), *controls(design)]}
    return pd.DataFrame([_annotate(t, genetic=design.genetic) for t in samples.values()])


def _annotate(treatment: SimulatedTreatment, *, genetic: bool) -> dict[str, str]:
    return {
        "broad_sample": treatment.sample,
        "pert_iname": treatment.name,
        "gene" if genetic else "target": treatment.gene,
        "moa": treatment.mechanism,
        "pert_type": "control" if treatment.control else "trt",
        "control_type": "negcon" if treatment.control else "",
    }
