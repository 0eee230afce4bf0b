"""Encoders that others have trained, used as they are: weights in, features of cells out."""

from phenolens.represent.pretrained.representation import Pretrained, PretrainedOptions

__all__ = ["Pretrained", "PretrainedOptions"]
