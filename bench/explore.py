"""How soon a large screen can be looked at, and what that takes of the server.

    python bench/explore.py --wells 100000 --features 500

Simulates profiles, writes them as the folder of a study's results (its scores are made up: they are
only shown here), serves it with the command, and asks as the page does. The page's own part (first
view, selections, frames) is measured in a browser by ``web/``.
"""

from __future__ import annotations

import argparse
import http.client
import itertools
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
import pandas as pd

import phenolens as pl
from phenolens import profiles, schema
from phenolens.explore.maps import components
from phenolens.profiles import CONTROL, MECHANISM, PLATE, TREATMENT, WELL
from phenolens.settings import LAYOUT
from phenolens.tools.files import write_profiles

PER_PLATE, CONTROLS, REPLICATES = 384, 32, 4
NAMES = [
    f"{compartment}_{feature}"
    for feature in (
        *(f"AreaShape_Zernike_{n}_{m}" for n in range(10) for m in range(n % 2, n + 1, 2)),
        *(
            f"{family}_{stain}{end}"
            for stain in ("DNA", "ER", "RNA", "AGP", "Mito")
            for family, end in itertools.product(
                ("Intensity_MeanIntensity", "Intensity_StdIntensity", "Intensity_MassDisplacement"),
                ("",),
            )
        ),
        *(
            f"{family}_{stain}_{scale}_0{k}_256"
            for stain in ("DNA", "ER", "RNA", "AGP", "Mito")
            for family in ("Texture_Contrast", "Texture_Entropy", "Texture_Correlation")
            for scale in (3, 5, 10)
            for k in range(4)
        ),
    )
    for compartment in ("Nuclei", "Cells", "Cytoplasm")
]


def write_study(folder: Path, *, wells: int, features: int) -> None:
    """The folder of results of a screen in which every treatment has four wells on four plates."""
    plates = max(REPLICATES, round(wells / PER_PLATE))
    table, _ = pl.simulate_profiles(
        plates=plates, treatments=PER_PLATE - CONTROLS, controls=CONTROLS, features=features, seed=1
    )
    told = profiles.metadata(table)
    group = pd.Categorical(told[PLATE]).codes // REPLICATES
    treated = ~told[CONTROL].astype(bool)
    told.loc[treated, TREATMENT] = told[TREATMENT].astype(str) + "-" + group.astype(str)
    named = table.set_axis(pd.MultiIndex.from_frame(told), axis=0)
    named.columns = NAMES[:features]
    item = pl.read(named)
    (folder / "profiles").mkdir(parents=True)
    (folder / "layout.json").write_text(json.dumps({"layout": LAYOUT}))
    (folder / "report.html").write_text("")
    write_profiles(item, folder / "profiles" / "cellprofiler.parquet")
    roles = item.design.role_of(item.table).to_numpy()
    found = profiles.metadata(item.table).assign(role=roles, fold=-1)
    found = found.sort_values([PLATE, WELL], ignore_index=True)
    _write(found, folder / "wells.parquet", "wells")
    _write(_activity(found), folder / "activity.parquet", "activity")
    xy, _ = components(item.normalized.wells.to_numpy(np.float32))
    places = profiles.metadata(item.normalized.wells)[[PLATE, WELL, TREATMENT, MECHANISM, CONTROL]]
    places = places.assign(
        x=xy[:, 0], y=xy[:, 1], representation="cellprofiler", space="normalized"
    )
    _write(places, folder / "umap.parquet", "umap")


def _activity(wells: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(0)
    treated = wells[~wells[CONTROL].astype(bool)]
    rows = treated.groupby(TREATMENT, as_index=False).agg(n=(WELL, "size"))
    score = rng.uniform(size=len(rows))
    for name, column in schema.tables()["activity"].by_name.items():
        if name not in rows:
            made_up = {"string": "", "bool": score > 0.5, "int64": REPLICATES}
            rows[name] = made_up.get(column.dtype, score)
    return rows.assign(representation="cellprofiler", q=1 - score, map=score, map_normalized=score)


def _write(frame: pd.DataFrame, path: Path, name: str) -> None:
    profiles.write_frame(schema.conform(frame, schema.tables()[name]), path)


@dataclass
class Served:
    """A server in a process of its own, asked as a browser would."""

    folder: Path

    def __enter__(self) -> Served:
        """Start it; what it prints first is its address."""
        began = time.perf_counter()
        command = [sys.executable, "-m", "phenolens", "explore", str(self.folder), "--no-browser"]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.process.stdout is not None
        self.address = urlsplit(self.process.stdout.readline().split()[-1])
        self.started = time.perf_counter() - began
        _, _, headers = self.ask("GET", f"/?{self.address.query}", cookie="")
        self.cookie = headers["set-cookie"].partition(";")[0]
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.process.terminate()
        self.process.wait()

    def ask(self, method: str, path: str, body: object = None, *, cookie: str | None = None):
        """Seconds, the answer's bytes, and its headers."""
        connection = http.client.HTTPConnection("127.0.0.1", self.address.port)
        headers = {"Cookie": self.cookie if cookie is None else cookie}
        headers |= {"Origin": f"http://{self.address.netloc}", "Content-Type": "application/json"}
        began = time.perf_counter()
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = connection.getresponse()
        found = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"{path}: {answer.status} {found[:200]!r}")
        return time.perf_counter() - began, found, answer.headers

    def memory(self, what: str = "VmRSS") -> float:
        """Resident memory in MiB, now or at most (``VmHWM``)."""
        lines = Path(f"/proc/{self.process.pid}/status").read_text().splitlines()
        return int(next(line for line in lines if line.startswith(what)).split()[1]) / 1024

    def seconds(self) -> float:
        """Processor time that the server has taken: unlike the clock's, the same on a busy one."""
        taken = Path(f"/proc/{self.process.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(taken[11]) + int(taken[12])) / os.sysconf("SC_CLK_TCK")


def measure(folder: Path) -> None:
    """Print what the first view, a selection and a map take."""
    with Served(folder) as server:
        begun = server.seconds()
        print(f"from the command to the address: {server.started:.2f} s, CPU {begun:.2f} s")
        total = 0.0
        for path in ("screen.json", "wells.arrow", "treatments.arrow", "maps/0.arrow"):
            seconds, body, _ = server.ask("GET", f"/data/{path}")
            total += seconds
            print(f"{path}: {seconds:.2f} s, {len(body) / 2**20:.1f} MiB")
        taken = server.seconds() - begun
        print(f"all that the first view needs: {total:.2f} s, CPU {taken:.2f} s", end="; ")
        print(f"{server.memory():.0f} MiB resident")
        again = sum(server.ask("GET", f"/data/{p}")[0] for p in ("screen.json", "wells.arrow"))
        print(f"screen.json and wells.arrow again: {again:.2f} s")
        told = json.loads(server.ask("GET", "/data/screen.json")[1])
        some = [server.ask("GET", f"/data/features/{n}.arrow")[0] for n in range(20)]
        print(f"a feature of all wells: median {np.median(some):.3f} s, at most {max(some):.3f} s")
        rng = np.random.default_rng(0)
        for n in (50, 50, 500, 5_000):
            wells = rng.choice(told["counts"]["wells"], n, replace=False).tolist()
            begun = server.seconds()
            seconds, _, _ = server.ask("POST", "/api/group", {"wells": wells})
            taken = server.seconds() - begun
            print(f"{n:,} wells drawn at random as a group: {seconds:.2f} s, CPU {taken:.2f} s")
        near = list(range(300))
        seconds, _, _ = server.ask("POST", "/api/group", {"wells": near})
        print(f"300 wells of one plate as a group: {seconds:.2f} s")
        some = [server.ask("GET", f"/data/treatment/t{n}.json")[0] for n in range(1, 40, 2)]
        print(f"a treatment: median {np.median(some):.3f} s, at most {max(some):.3f} s")
        kinds = [(one["of"], one["method"]) for one in told["maps"]]
        begun = server.seconds()
        seconds, _, _ = server.ask("GET", f"/data/maps/{kinds.index(('wells', 'PCA'))}.arrow")
        taken = server.seconds() - begun
        print(f"PCA of the wells, made when asked for: {seconds:.2f} s, CPU {taken:.2f} s")
        print(f"memory: {server.memory():.0f} MiB, at most {server.memory('VmHWM'):.0f} MiB")


def main() -> None:
    """Simulate and measure, or measure a folder that is there."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--wells", type=int, default=100_000)
    parser.add_argument("--features", type=int, default=500)
    parser.add_argument("--folder", type=Path, help="results that are there, or where to keep them")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as made:
        folder = asked.folder or Path(made) / "out"
        if not (folder / "layout.json").is_file():
            write_study(folder, wells=asked.wells, features=asked.features)
        measure(folder)


if __name__ == "__main__":
    main()
