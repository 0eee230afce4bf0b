"""Training images that were never varied, or tested ones that were."""

from __future__ import annotations

import re
from collections.abc import Iterable

from phenolens.audit.basis import DECLARATION, AuditFinding, unchecked
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import (
    Declared,
)

RANDOM = re.compile(
    r"(?<!center)(?<!centre)crop|flip|rotat|jitter|noise|blur|affine"
    r"|elastic|random|mixup|cutmix|cutout|eras|augment|shift|shear",
    re.IGNORECASE,
)


@check(60)
def check_augmentation(declared: Declared) -> Iterable[AuditFinding]:
    """Training images that were never varied, or tested ones that were."""
    told = declared.design.training
    train, test = told.train_transforms, told.test_transforms
    if told.shared_dataset:
        yield _augmentation(
            "error", "Training and test subsets share one dataset object, and so its transform.",
            "Whichever transform was set last serves both: the network never saw a varied image, "
            "or was tested on varied ones.",
            "Give each subset a dataset of its own, and look at a sheet of training images.",
        )  # fmt: skip
    elif train is None or test is None:
        needs = "[training] says not which transforms both subsets had"
        yield unchecked("augmentation-off", needs)
    else:
        yield _compared(train, test)


def _compared(train: tuple[str, ...], test: tuple[str, ...]) -> AuditFinding:
    varied, wobbly = (
        [t for t in transforms if RANDOM.search(re.sub(r"[\s_-]", "", t))]
        for transforms in (train, test)
    )
    if not varied:
        what = "No training transform varies an image" + (", as in the test." if train else ".")
        return _augmentation(
            "warning", what, "The network may learn single images by heart.",
            "Flip, rotate and crop training images at random.",
        )  # fmt: skip
    if tuple(train) == tuple(test) or wobbly:
        return _augmentation(
            "error" if tuple(train) == tuple(test) else "warning",
            f"Tested images are varied at random too: {', '.join(wobbly)}.",
            "Either the transforms were mixed up, or scores change from run to run.",
            "Vary training images only.",
        )  # fmt: skip
    return _augmentation("ok", f"Training images are varied: {', '.join(varied)}.")


def _augmentation(severity: str, *sentences: str) -> AuditFinding:
    return AuditFinding("augmentation-off", severity, "", *sentences, basis=DECLARATION)
