"""Tables as people save them: text in any dialect, workbooks, grids of wells, objects of cells."""
