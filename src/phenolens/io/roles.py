"""Which column plays which role: compound, dose, mechanism, target, batch, cell count."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from phenolens.io.columns import same_name

NAMES = {
    "compound": (
        "compound", "compound_name", "pert_iname", "treatment", "treatment_name", "drug",
        "drug_name", "perturbation", "perturbation_name", "perturbagen", "chemical",
        "chemical_name", "substance", "molecule", "inhibitor", "reagent", "CPD_NAME",
        "broad_sample", "JCP2022", "pert_id", "compound_id", "drug_id", "treatment_id",
        "perturbation_id",
    ),
    "concentration": (
        "concentration", "concentration_um", "conc", "conc_um", "dose", "dose_um", "pert_dose",
        "mmoles_per_liter", "mg_per_ml", "concentration_nm", "dose_nm", "pert_mfc_dose",
        "compound_concentration", "concentration_mm", "micromolar", "CPD_MMOL_CONC", "conc_nm",
        "conc_mm", "conc_m", "concentration_m", "dose_mm", "dose_m", "final_concentration",
        "final_concentration_um", "final_conc", "final_conc_um", "drug_concentration",
    ),
    "mechanism": (
        "moa", "mechanism", "mechanism_of_action", "moa_list", "moa_class", "Mechanism_of_action",
        "pert_moa", "moas",
    ),
    "target": ("target", "targets", "gene_target", "target_list", "target_gene", "gene", "symbol"),
    "batch": ("batch", "batch_id", "experiment_batch", "replicate_batch"),
    "cell_count": (
        "Nuclei - Number of Objects", "Cells - Number of Objects",  # before how many were seeded
        "CellCount", "Count_Cells", "cell_count", "Object_Count", "n_cells", "Image_Count_Cells",
        "Count_Nuclei", "Image_Count_Nuclei",
    ),
}  # fmt: skip
GENES = ("gene", "symbol", "gene_symbol", "Symbol", "target_gene")
CHEMISTRY = ("InChIKey", "smiles", "solvent", "pubchem_cid", "InChI")
LINKS = ("broad_sample", "JCP2022", "InChIKey", "pert_id", "Plate_Map_Name", "plate_map_name")


def role_columns(names: Iterable[str]) -> dict[str, str]:
    """Role to column, for the roles that usual names reveal; best name first."""
    known = {same_name(name): str(name) for name in names}
    found = {role: first_known(usual, known) for role, usual in NAMES.items()}
    return {role: name for role, name in found.items() if name is not None}


def first_known(usual: Sequence[str], known: dict[str, str]) -> str | None:
    """The first usual name that is known, in the known spelling."""
    spellings = (known.get(same_name(name)) for name in usual)
    return next((name for name in spellings if name is not None), None)


def gene_column(names: Iterable[str]) -> str | None:
    """The column that names the perturbed gene."""
    return first_known(GENES, {same_name(name): str(name) for name in names})


def names_chemistry(names: Iterable[str]) -> bool:
    """Whether columns are about chemicals: a structure, a solvent or a dose."""
    known = {same_name(name): str(name) for name in names}
    return first_known((*CHEMISTRY, *NAMES["concentration"]), known) is not None


def batch_pattern(plates: Iterable[str]) -> str | None:
    """A pattern for the batch that plate names carry (``Week4_27481``: ``Week4``), or None.

    Only where a leading part of all names is shared by several plates and differs between others.
    """
    names = sorted(set(plates))
    parts = [re.match(r"^([A-Za-z]+[-_ ]?\d+)[_-]", name) for name in names]
    batches = {part[1] for part in parts if part is not None}
    if not all(parts):
        return None
    return r"^([A-Za-z]+[-_ ]?\d+)[_-]" if 1 < len(batches) < len(names) else None


def named_roles(names: Iterable[str], plates: Iterable[str]) -> tuple[dict[str, str], str]:
    """Roles of columns by their usual names, and whether the screen is one of compounds or genes.

    Parameters
    ----------
    names : iterable of str
        Columns of all tables of the screen.
    plates : iterable of str
        Names of the plates; a batch that they carry becomes a role.

    Returns
    -------
    roles : dict of str to str
        Role to column specification.
    modality : {"compound", "genetic"}
    """
    names = [str(name) for name in names]
    roles = role_columns(names)
    gene = gene_column(names)
    genetic = gene is not None and not names_chemistry(names)
    by_code = ("broad_sample", "jcp2022")
    if (
        genetic
        and gene is not None
        and ("compound" not in roles or roles["compound"].lower().endswith(by_code))
    ):
        roles["compound"] = gene
    if "batch" not in roles:
        pattern = batch_pattern(plates)
        roles |= {"batch": f"Metadata_Plate ~ {pattern}"} if pattern else {}
    return roles, "genetic" if genetic else "compound"
