"""Images that an instrument wrote: their names, or a file beside them, say all."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

import pandas as pd

from phenolens.io.discovery.listing import nuclei
from phenolens.io.formats.base import ImageFormat, ImageProposal, Question
from phenolens.io.images.table import Located
from phenolens.io.instruments.acquisition import (
    Acquisition,
    Place,
    image_files,
    located,
    require_one_order,
)

FEWEST = 0.1
SAMPLED = 2_000


class Instrument(ImageFormat):
    """One instrument's folder. A subclass says what a name means, in :meth:`place`.

    Where a file beside the images says more (an index, a list), it overrides :meth:`acquisition`.

    Attributes
    ----------
    example : str
        A name of such an image, for errors.
    """

    example: ClassVar[str]
    listed = False
    rank = 40

    def place(self, path: Path) -> Place | None:
        """What a file's path says, from its name and folders alone; None where it is another's.

        Called for every image of a folder. ``well`` and ``channel`` must be there; ``plate`` is the
        folder's name and ``site`` is 1 where they are not.
        """
        raise NotImplementedError(f"'{self.name}' has no place.")

    def acquisition(self, folder: Path, files: Sequence[Path]) -> Acquisition:
        """The images among `files`, which lie below `folder`."""
        known = [(path, place) for path in files if (place := self.place(path)) is not None]
        rows = [{"plate": path.parent.name, "site": "1"} | place for path, place in known]
        frame = pd.DataFrame(rows, columns=None if rows else ["plate", "well", "site", "channel"])
        return Acquisition(frame.assign(path=[str(path) for path, _ in known]))

    def recognises_files(self, files: Sequence[Path]) -> float | None:
        """By the share of the names that are its own, of a tenth up; of many, a sample's."""
        some = random.Random(0).sample(files, SAMPLED) if len(files) > SAMPLED else files
        share = sum(self.place(path) is not None for path in some) / max(1, len(some))
        return 0.9 * share if share >= FEWEST else None

    def propose(self, found: Sequence[Path], source: Path) -> ImageProposal:
        """The stains as the instrument names them, or a question; and the pixel size."""
        acquired = self.acquisition(source, found)
        numbers = acquired.channels
        channels = acquired.stains
        section: dict[str, Any] = {"layout": self.name, "root": ".", "channels": channels}
        if acquired.pixel_size_um is not None:
            section["pixel_size_um"] = acquired.pixel_size_um
        questions: list[Question] = list(acquired.questions)
        unnamed = [n for n in numbers if n.isdecimal() and n not in acquired.names]
        if unnamed:
            which = f"channels {', '.join(numbers)}" if len(numbers) > 1 else "the one channel"
            text = (
                f"which stains are {which}? Write their names here in this order; it differs "
                "between laboratories (docs/data-integration.md)"
            )
            questions.append(("images.channels", text))
        locate = partial(self._located, acquired, source)
        section |= nuclei(channels)
        return ImageProposal(section, {}, questions, acquired.notes, locate=locate)

    def locate_below(self, folder: Path, images: Mapping[str, Any]) -> Located:
        """All its images below the folder."""
        acquired = self.acquisition(folder, image_files(folder))
        require_one_order(acquired, images["channels"])
        return self._located(acquired, folder, images["channels"])

    def _located(self, acquired: Acquisition, folder: Path, channels: Sequence[str]) -> Located:
        source = f"{self.describes} (such as {self.example})"
        return located(acquired, channels=channels, folder=folder, source=source)
