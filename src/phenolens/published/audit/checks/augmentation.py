"""Training images that were never varied, or tested ones that were."""

from __future__ import annotations

import re
from collections.abc import Iterable

from phenolens.audit.basis import AuditFinding, unchecked
from phenolens.findings import Severity
from phenolens.published.audit.audit import check
from phenolens.published.audit.declared import Declared

CODE = "augmentation-off"
RANDOM = re.compile(
    r"(?<!center)(?<!centre)crop|flip|rotat|jitter|noise|blur|affine"
    r"|elastic|random|mixup|cutmix|cutout|eras|augment|shift|shear",
    re.IGNORECASE,
)


@check(60)
def check_augmentation(declared: Declared) -> Iterable[AuditFinding]:
    """Training images that were never varied, or tested ones that were."""
    said = declared.declaration.training
    train, test = said.train_transforms, said.test_transforms
    if said.shared_dataset:
        yield AuditFinding(CODE, "error", {}, {}, "declaration", "declared-dataset-shared")
    elif train is None or test is None:
        yield unchecked(CODE, "transforms")
    else:
        yield _compared(train, test)


def _compared(train: tuple[str, ...], test: tuple[str, ...]) -> AuditFinding:
    varied, varied_test = (
        [t for t in transforms if RANDOM.search(re.sub(r"[\s_-]", "", t))]
        for transforms in (train, test)
    )
    if not varied:
        values = {"trained": bool(train)}
        return AuditFinding(CODE, "warning", {}, values, "declaration", "declared-never-varied")
    if tuple(train) == tuple(test) or varied_test:
        severity: Severity = "error" if tuple(train) == tuple(test) else "warning"
        tested = {"transforms": varied_test}
        return AuditFinding(CODE, severity, {}, tested, "declaration", "declared-tested-varied")
    return AuditFinding(CODE, "ok", {}, {"transforms": varied}, "declaration", "declared-varied")
