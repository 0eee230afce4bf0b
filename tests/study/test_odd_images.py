"""Studies of images that do not belong together, or in which nothing is found: they end well."""

from __future__ import annotations

import numpy as np
import tifffile

from phenolens.files import read_json

STAINS = ("DNA", "ER", "RNA", "AGP", "Mito")


def run(command, screen, verb: str):
    return command(verb, screen.study, "--out", screen.out, "--jobs", "1")


def rewrite(screen, change, rows=None, stains=STAINS) -> None:
    """Write the files of these rows of the first table (or all files) anew."""
    paths = [screen.image(row, stain) for row in rows for stain in stains] if rows else None
    for path in paths or screen.folder.rglob("*.tiff"):
        plane = change(tifffile.imread(path))
        colours = {"photometric": "rgb"} if plane.ndim == 3 else {}
        tifffile.imwrite(path, plane, **colours)


def of_segmentation(screen) -> dict:
    (found,) = read_json(screen.out / "segmentation.json")
    return found


def test_check_names_what_headers_show_and_the_rest_goes_on(screen, command):
    rewrite(screen, lambda plane: plane[::2, ::2], rows=(1, 2))
    answer = run(command, screen, "check")
    assert answer.code == 0
    assert "two image sizes: 128x128 (26 wells), 64x64 (2 wells)" in answer.out
    assert "set aside: 2 x 64x64 pixels, where most images" in answer.out
    aside = [item for item in screen.ledger()["set_aside"] if item["code"] == "image-unlike"]
    assert {item["step"] for item in aside} == {"headers"}
    assert all(item["well"] and item["channel"] and item["file"] for item in aside)
    assert screen.ledger()["counts"]["headers"]["images_unlike_the_others"] == 2
    assert run(command, screen, "measure").code == 0


def test_a_study_keeps_what_differs_where_it_is_told_to(screen, command):
    rewrite(screen, lambda plane: plane[::2, ::2], rows=(1, 2))
    screen.settings("[data.images]", '[data.images]\ndiffering = "keep"')
    assert run(command, screen, "prepare").code == 0
    assert screen.ledger()["set_aside"] == []
    assert "image-sizes" in screen.audit()


def test_one_nan_sets_one_field_aside(screen, command):
    rewrite(screen, lambda plane: (plane / 65_535).astype(np.float32))

    def spoil(plane):
        plane[3, 4] = np.nan
        return plane

    rewrite(screen, spoil, rows=(1,), stains=("RNA",))
    answer = run(command, screen, "measure")
    assert answer.code == 0
    told = [line for line in answer.err.splitlines() if "set aside: 1 x" in line]
    assert "RNA" in told[0] and screen.image(1, "RNA").name in told[0]
    item, well = screen.ledger()["set_aside"]
    assert (item["channel"], item["code"]) == ("RNA", "image-not-usable")
    assert item["file"] == str(screen.image(1, "RNA"))
    assert item["well"] == well["well"]


def test_pixels_of_a_plain_screen_are_in_order(screen, command):
    assert run(command, screen, "prepare").code == 0
    assert [one["code"] for one in read_json(screen.out / "pixels.json")] == ["depth-found"]


def test_a_study_without_a_cell_says_why_and_ends_in_a_report(screen, command, defined):
    screen.settings("[evaluate]", "[segment]\nnucleus_diameter = 900\n[evaluate]")
    answer = run(command, screen, "run")
    assert answer.code == 0, answer.err
    assert "Left out: cellprofiler" in answer.err
    found = of_segmentation(screen)
    assert (found["code"], found["severity"]) == ("cells-none", "error")
    assert "Nuclei of 900 pixels were looked for in DNA" in found["what"]
    assert "nucleus_diameter = " in found["remedy"]
    page = (screen.out / "report.html").read_text()
    assert "No cell was found in any field of 28" in page
    assert "Fields in which next to no cell was found" in page
    assert ("cellprofiler", "pixel-pca") not in screen.ledger()["counts"]["represent"]
    assert screen.ledger()["counts"]["represent"]["wells_not_in_cellprofiler"] == 28
    assert {"pixels", "segmentation"} <= {path.stem for path in screen.out.glob("*.json")}
    defined(screen.out)


def test_a_study_of_cells_alone_without_a_cell_ends_in_a_report_too(screen, command):
    rewrite(screen, lambda plane: np.random.default_rng(0).poisson(900, plane.shape).astype("u2"))
    screen.settings("components = 8", 'representations = ["cellprofiler"]')
    answer = run(command, screen, "run")
    assert answer.code == 0, answer.err
    assert "contrast" in of_segmentation(screen)["what"]
    page = (screen.out / "report.html").read_text()
    assert "nothing stands out there" in page
    assert "hold the very same pixels" in page  # the noise is the same in all files


def test_a_field_without_cells_is_named_with_a_picture(screen, command):
    rewrite(screen, np.zeros_like, rows=(1,))
    assert run(command, screen, "measure").code == 0
    found = of_segmentation(screen)
    assert (found["code"], found["severity"]) == ("fields-empty", "info")
    assert "SIM001/A02/1" in found["about"]["field"]
    with np.load(screen.out / "segmentation.npz") as stored:
        assert stored["pixels"].shape[1:] == (128, 128)
        assert len(stored["pixels"]) == len(stored["names"]) <= 3
        assert set(stored["cells"]) == {0}
    codes = {one["code"] for one in read_json(screen.out / "pixels.json")}
    assert "planes-flat" in codes


def test_a_screen_of_pictures_whose_colours_are_one_is_read_as_grey(screen, command):
    rewrite(screen, lambda plane: np.stack([plane] * 3, axis=-1))
    assert run(command, screen, "prepare").code == 0
    assert "images-in-colour" in screen.audit()
    assert screen.ledger()["set_aside"] == []
