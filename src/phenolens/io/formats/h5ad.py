"""AnnData files."""

from __future__ import annotations

from pathlib import Path
from typing import Any, ClassVar

from phenolens.io.formats.base import TableFormat, TableRead, register


@register
class H5AD(TableFormat):
    """AnnData: features in ``X``, in a layer, or in ``obsm``; metadata in ``obs``."""

    name = "h5ad"
    describes: ClassVar[str] = "an AnnData file"
    endings = (".h5ad",)
    takes = ("layer", "obsm")

    def recognises(self, path: Path) -> float | None:
        """By its ending."""
        return 1.0 if path.suffix.lower() == ".h5ad" else None

    def ways(self, path: Path) -> list[dict[str, str]]:
        """Its embeddings and layers, where it has no ``X``."""
        from phenolens.io.anndata import matrices_without_x

        return matrices_without_x(path)

    def read(
        self, path: Path, *, layer: str | None = None, obsm: str | None = None, **_: Any
    ) -> TableRead:
        """``obs`` under ``Metadata_`` names, then ``X`` or what `layer` or `obsm` names."""
        from phenolens.io.anndata import open_h5ad, to_columns

        return TableRead(to_columns(open_h5ad(path), layer=layer, obsm=obsm, source=str(path)))
