"""Tables that name images by URLs, here and in another bucket, and what cannot be reached."""

from __future__ import annotations

import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import numpy as np
import pandas as pd
import pytest

from phenolens.errors import UnreachableError
from phenolens.images import read_pixels
from phenolens.io.discovery.discover import discover
from phenolens.io.images.image_headers import read_headers
from phenolens.io.integrate import integrate
from phenolens.remote import look_anew

STAINS = ("DNA", "ER")


def urls_of(fields: pd.DataFrame, base: str) -> pd.DataFrame:
    """The same table with ``URL_`` columns."""
    keys = fields[[name for name in fields if str(name).startswith("Metadata_")]]
    return keys.assign(**{f"URL_Orig{s}": base + "/" + fields[f"FileName_Orig{s}"] for s in STAINS})


def pixels(images) -> np.ndarray:
    return np.stack([read_pixels(images, row) for row in range(len(images))])


@pytest.fixture
def elsewhere(store, tmp_path, fields, platemap):
    """The URL of the images in a bucket of their own, and of nothing here."""
    look_anew()
    url = store.upload(tmp_path / "images", "pictures", "plates/")
    here = tmp_path / "here"
    here.mkdir()
    (tmp_path / "platemap.csv").rename(here / "platemap.csv")
    return url


def test_a_table_here_names_images_of_a_bucket(elsewhere, tmp_path, fields, labelled):
    urls_of(fields, elsewhere).to_csv(tmp_path / "here" / "load_data.csv", index=False)
    images = integrate(labelled(), tmp_path / "here").images
    assert images.table["Path_DNA"].iloc[0] == f"{elsewhere}/P1_A01_s1_w0.tif"
    np.testing.assert_array_equal(pixels(images), pixels(integrate_here(tmp_path, labelled)))
    found = discover(tmp_path / "here")
    assert "root" not in found.images and found.images["layout"] == "load_data"


def integrate_here(tmp_path, labelled):
    (tmp_path / "platemap.csv").write_bytes((tmp_path / "here" / "platemap.csv").read_bytes())
    return integrate(labelled(), tmp_path).images


def test_a_table_of_a_bucket_names_images_of_another(elsewhere, tmp_path, fields, store):
    fields[[f"PathName_Orig{stain}" for stain in STAINS]] = elsewhere
    fields.to_csv(tmp_path / "here" / "load_data.csv", index=False)
    found = discover(store.upload(tmp_path / "here", "tables"))
    images = integrate(found.section(), found.source).images
    assert images.table["Path_ER"].iloc[3] == f"{elsewhere}/P1_A02_s2_w1.tif"
    assert len(pixels(images)) == 16
    assert not [one for one in found.unused if "images" in one.code]


def test_headers_of_images_elsewhere_are_read_in_part(elsewhere, tmp_path, fields, labelled, store):
    urls_of(fields, elsewhere).to_csv(tmp_path / "here" / "load_data.csv", index=False)
    images = integrate(labelled(), tmp_path / "here").images
    store.asked.clear()
    headers = read_headers(images)
    assert headers.remote == "s3" and set(headers.table["size"]) == {"8x6"}
    assert all(span for method, path, span in store.asked if path.endswith(".tif")), store.asked


def test_images_that_are_gone_are_listed_and_a_store_that_is_away_stops_the_run(
    elsewhere, tmp_path, fields, labelled, store
):
    urls_of(fields, elsewhere).to_csv(tmp_path / "here" / "load_data.csv", index=False)
    store.client.delete_object(Bucket="pictures", Key="plates/P1_A01_s1_w0.tif")
    screen = integrate(labelled(), tmp_path / "here")
    assert [(one.why.code, one.file) for one in screen.ledger.set_aside] == [
        ("file-missing", f"{elsewhere}/P1_A01_s1_w0.tif")
    ]
    store.faults = lambda method, path, before: store.fault(status=500)
    with pytest.raises(UnreachableError, match="could not be read in 6 tries"):
        pixels(screen.images)
    look_anew()
    with pytest.raises(UnreachableError, match="could not be listed in 6 tries"):
        integrate(labelled(), tmp_path / "here")
    # who looks at a folder hears why its table is not used, and goes on with what there is
    (unused,) = [one for one in discover_beside_profiles(tmp_path).unused if "images" in one.code]
    assert "could not be read in 2 tries" in unused.text


def discover_beside_profiles(tmp_path):
    wells = [f"A{n:02d}" for n in range(1, 13)]
    frame = pd.DataFrame({"Metadata_Plate": "P1", "Metadata_Well": wells, "compound": "DMSO"})
    frame[[f"f{k}" for k in range(8)]] = np.random.default_rng(0).normal(size=(12, 8))
    frame.to_csv(tmp_path / "here" / "profiles.csv", index=False)
    return discover(tmp_path / "here")


class Quiet(SimpleHTTPRequestHandler):
    lists = True

    def log_message(self, *_):
        pass

    def list_directory(self, path):
        if self.lists:
            return super().list_directory(path)
        self.send_error(403)
        return None


class Unlisted(Quiet):
    lists = False


@pytest.mark.parametrize("kind", [Quiet, Unlisted])
def test_images_of_a_web_server_with_and_without_lists(kind, elsewhere, tmp_path, fields, labelled):
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(kind, directory=tmp_path))
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}).start()
    try:
        base = f"http://127.0.0.1:{server.server_port}/images"
        table = urls_of(fields, base)
        table.loc[0, "URL_OrigER"] = f"{base}/gone.tif"
        table.to_csv(tmp_path / "here" / "load_data.csv", index=False)
        screen = integrate(labelled(), tmp_path / "here")
        assert [one.why.code for one in screen.ledger.set_aside] == ["file-missing"]
        assert set(read_headers(screen.images).table["size"]) == {"8x6"}
        here = integrate_here(tmp_path, labelled)
        np.testing.assert_array_equal(pixels(screen.images), pixels(here)[1:])
        if kind is Quiet:
            assert discover(f"http://127.0.0.1:{server.server_port}/here").images is not None
    finally:
        server.shutdown()
        server.server_close()
