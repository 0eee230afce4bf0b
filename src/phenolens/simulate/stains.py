"""The five stains: light that leaves the cells, in camera counts, before the optics."""

from __future__ import annotations

import numba
import numpy as np

from phenolens.simulate.grains import AGP_GRAINS, FIBRES, MITO_PUNCTA, NUCLEOLI
from phenolens.simulate.outlines import Outlines
from phenolens.simulate.scene import Scene
from phenolens.simulate.traits import INDEX

STAINS = ("DNA", "ER", "RNA", "AGP", "Mito")
# Hoechst outside nuclei in counts, and how far from the nucleus RNA stays dense (cell diameters).
CYTOPLASMIC_DNA = np.float32(560.0)
RNA_REACH = np.float32(0.15)
_RADIUS, _DNA, _CHROMATIN = INDEX["cell_radius"], INDEX["dna"], INDEX["chromatin"]
_ER, _ER_REACH, _RNA, _AGP = INDEX["er"], INDEX["er_reach"], INDEX["rna"], INDEX["agp"]
_CORTEX, _MITO, _MITO_REACH = INDEX["cortex"], INDEX["mito"], INDEX["mito_reach"]
_FRAGMENTS, _NUCLEOLUS = INDEX["mito_fragments"], INDEX["nucleolus_amplitude"]


def stain(
    scene: Scene, traits: np.ndarray, outlines: Outlines, *, grains: np.ndarray
) -> np.ndarray:
    """Emitted light of each stain, float32 of shape (5, size, size), stains as in ``STAINS``."""
    textures = scene.textures
    light = np.zeros((len(STAINS), scene.size, scene.size), np.float32)
    side = scene.grains["golgi_angle"]
    _fill(
        light,
        (outlines.owner, outlines.edge, outlines.gap, outlines.nuclear),
        (traits.astype(np.float32), outlines.nucleus_radius.astype(np.float32)),
        np.stack([scene.centre.T[0], scene.centre.T[1], np.sin(side), np.cos(side)], 1).astype(
            np.float32
        ),
        (textures["chromatin"], textures["reticulum"], textures["cytoplasm"], textures["patch"]),
        _filaments(textures["mitochondria"], np.float32(0.013 * scene.unit)),
        grains,
        np.float32(scene.unit),
    )
    _add_specks(light, scene.specks.astype(np.float32))
    return light


@numba.njit(cache=True)
def _filaments(noise, width):
    """Curved lines of even width (zero crossings of the field) and dots (its peaks)."""
    size = noise.shape[0]
    out = np.zeros((2, size, size), np.float32)
    for y in range(size):
        up, down = max(y - 1, 0), min(y + 1, size - 1)
        for x in range(size):
            left, right = max(x - 1, 0), min(x + 1, size - 1)
            gy = (noise[down, x] - noise[up, x]) * np.float32(0.5)
            gx = (noise[y, right] - noise[y, left]) * np.float32(0.5)
            slope = np.sqrt(gy * gy + gx * gx) + np.float32(0.08)
            away = noise[y, x] / (slope * width)
            out[0, y, x] = np.exp(-away * away)
            out[1, y, x] = min(max((noise[y, x] - 1.0) * 1.6, 0.0), 1.0)
    return out


@numba.njit(cache=True)
def _fill(light, maps, cells, places, textures, filaments, grains, unit):
    """Fill every owned pixel from its distances, its cell's traits and the textures."""
    owner, edge, gap, nuclear = maps
    traits, nucleus_radius = cells
    chromatin, reticulum, cytoplasm, patch = textures
    size = owner.shape[0]
    for y in range(size):
        for x in range(size):
            i = owner[y, x]
            if i < 0:
                continue
            trait = traits[i]
            radius = trait[_RADIUS] * unit
            rim = (1 - edge[y, x]) * radius
            seam_at = gap[y, x] * radius
            away = (nuclear[y, x] - 1) * nucleus_radius[i]
            outside = max(away, np.float32(0.0)) / unit
            cover = min(rim / np.float32(0.05 * unit), 1.0)
            seam = min(0.55 + seam_at / (0.08 * unit), 1.0) * cover
            within = min(max(0.5 - away / np.float32(1.2), 0.0), 1.0)
            beyond = 1 - within
            height = (0.30 + 0.70 * np.exp(-outside / 0.20)) * (1 - 0.35 * edge[y, x] ** 4)
            dome = 0.78 + 0.22 * np.sqrt(max(1 - nuclear[y, x] ** 2, 0.0))
            shell = np.exp(-((away / (0.022 * unit)) ** 2))
            dy, dx = y - places[i, 0], x - places[i, 1]
            toward = (dy * places[i, 2] + dx * places[i, 3]) / (np.sqrt(dy * dy + dx * dx) + 1.0)
            fine, coarse = reticulum[y, x], cytoplasm[y, x]
            grain, spot = chromatin[y, x], grains[NUCLEOLI, y, x]
            nucleolus = spot * trait[_NUCLEOLUS]

            packed = max(1 + trait[_CHROMATIN] * (grain + 0.4 * coarse), 0.15) * dome
            light[0, y, x] = trait[_DNA] * within * packed * (1 - 0.28 * spot)
            light[0, y, x] += CYTOPLASMIC_DNA * beyond * height * seam
            one_sided = 1 + 0.45 * toward
            er_reach = np.exp(-outside / trait[_ER_REACH]) * one_sided
            rna_reach = np.exp(-outside / RNA_REACH) * one_sided
            light[1, y, x] = trait[_ER] * (
                beyond
                * seam
                * (0.05 + 0.16 * height + 0.74 * er_reach)
                * np.exp(0.24 * fine + 0.10 * coarse)
                + within * (0.46 + 0.04 * grain + 0.05 * coarse + 0.10 * spot) * dome
                + 0.16 * shell
            )
            light[2, y, x] = trait[_RNA] * (
                beyond
                * seam
                * (0.06 + 0.50 * height + 0.34 * rna_reach)
                * np.exp(0.13 * fine + 0.06 * coarse)
                + within * (0.76 + 0.05 * grain + 0.05 * coarse + 0.70 * nucleolus) * dome
                + 0.06 * shell
            )
            cortex = np.exp(-((min(rim, 2 * seam_at) / (0.020 * unit)) ** 2))
            cortex *= trait[_CORTEX] * min(max(0.30 + 0.55 * patch[y, x], 0.0), 1.2)
            light[3, y, x] = trait[_AGP] * (
                cover * (0.30 + 0.35 * height) * max(1 + 0.09 * fine + 0.09 * coarse, 0.2)
                + within * 0.42 * dome * (1 + 0.05 * grain)
                + 0.30 * cortex
                + 1.25 * grains[AGP_GRAINS, y, x]
                + 0.9 * (1 - 0.6 * within) * grains[FIBRES, y, x]
            )
            reach = np.exp(-outside / trait[_MITO_REACH]) * (1 + 0.35 * toward)
            share = trait[_FRAGMENTS]
            whole = filaments[0, y, x] * min(max(0.55 + 0.45 * coarse, 0.0), 1.5)
            organelles = (1 - share) * whole + share * 1.6 * filaments[1, y, x]
            light[4, y, x] = trait[_MITO] * (
                beyond * cover * (0.06 + 0.22 * reach + (0.03 + 0.60 * reach) * organelles)
                + within * (0.20 + 0.06 * organelles) * dome
                + 0.12 * shell
                + 3.0 * grains[MITO_PUNCTA, y, x]
            )


@numba.njit(cache=True)
def _add_specks(light, specks):
    """Debris on the plate: small, bright, mostly in AGP and RNA."""
    size = light.shape[1]
    for speck in specks:
        reach = int(3 * speck[2]) + 1
        cy, cx = int(speck[0]), int(speck[1])
        for y in range(max(cy - reach, 0), min(cy + reach + 1, size)):
            for x in range(max(cx - reach, 0), min(cx + reach + 1, size)):
                far = ((y - speck[0]) ** 2 + (x - speck[1]) ** 2) / (speck[2] * speck[2])
                value = speck[3] * np.exp(-0.5 * far)
                light[1, y, x] += 0.3 * value
                light[2, y, x] += 0.4 * value
                light[3, y, x] += value
                light[4, y, x] += 0.25 * value
