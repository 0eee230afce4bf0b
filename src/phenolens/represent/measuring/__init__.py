"""From images to measured cells, and from cells to wells: CellProfiler-type features."""
