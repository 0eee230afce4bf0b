"""What the methods text cites."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reference:
    """A publication: authors, year, title, place, and its DOI (or arXiv address)."""

    text: str
    link: str


def _doi(text: str, doi: str) -> Reference:
    return Reference(text, f"https://doi.org/{doi}")


REFERENCES = {
    "bray2016": _doi(
        "Bray MA, et al. (2016) Cell Painting, a high-content image-based assay for morphological "
        "profiling using multiplexed fluorescent dyes. Nature Protocols 11:1757–1774.",
        "10.1038/nprot.2016.105",
    ),
    "cimini2023": _doi(
        "Cimini BA, et al. (2023) Optimizing the Cell Painting assay for image-based profiling. "
        "Nature Protocols 18:1981–2013.",
        "10.1038/s41596-023-00840-9",
    ),
    "chandrasekaran2024": _doi(
        "Chandrasekaran SN, et al. (2024) Three million images and morphological profiles of cells "
        "treated with matched chemical and genetic perturbations. Nature Methods 21:1114–1121.",
        "10.1038/s41592-024-02241-6",
    ),
    "caicedo2017": _doi(
        "Caicedo JC, et al. (2017) Data-analysis strategies for image-based cell profiling. Nature "
        "Methods 14:849–863.",
        "10.1038/nmeth.4397",
    ),
    "stirling2021": _doi(
        "Stirling DR, et al. (2021) CellProfiler 4: improvements in speed, utility and usability. "
        "BMC Bioinformatics 22:433.",
        "10.1186/s12859-021-04344-9",
    ),
    "singh2014": _doi(
        "Singh S, Bray MA, Jones TR, Carpenter AE (2014) Pipeline for illumination correction of "
        "images for high-throughput microscopy. Journal of Microscopy 256:231–236.",
        "10.1111/jmi.12178",
    ),
    "kalinin2025": _doi(
        "Kalinin AA, et al. (2025) A versatile information retrieval framework for evaluating "
        "profile strength and similarity. Nature Communications 16:5181.",
        "10.1038/s41467-025-60306-2",
    ),
    "phipson2010": _doi(
        "Phipson B, Smyth GK (2010) Permutation P-values should never be zero: calculating exact "
        "P-values when permutations are randomly drawn. Statistical Applications in Genetics and "
        "Molecular Biology 9:39.",
        "10.2202/1544-6115.1585",
    ),
    "benjamini1995": _doi(
        "Benjamini Y, Hochberg Y (1995) Controlling the false discovery rate: a practical and "
        "powerful approach to multiple testing. Journal of the Royal Statistical Society B "
        "57:289–300.",
        "10.1111/j.2517-6161.1995.tb02031.x",
    ),
    "seal2026": _doi(
        "Seal S, et al. (2026) Counting cells can accurately predict small-molecule bioactivity "
        "benchmarks. Nature Communications 17:2436.",
        "10.1038/s41467-026-68725-5",
    ),
    "crump1984": _doi(
        "Crump KS (1984) A new method for determining allowable daily intakes. Fundamental and "
        "Applied Toxicology 4:854–871.",
        "10.1016/0272-0590(84)90107-6",
    ),
    "nyffeler2020": _doi(
        "Nyffeler J, et al. (2020) Bioactivity screening of environmental chemicals using "
        "imaging-based high-throughput phenotypic profiling. Toxicology and Applied Pharmacology "
        "389:114876.",
        "10.1016/j.taap.2019.114876",
    ),
    "rousseeuw1987": _doi(
        "Rousseeuw PJ (1987) Silhouettes: a graphical aid to the interpretation and validation of "
        "cluster analysis. Journal of Computational and Applied Mathematics 20:53–65.",
        "10.1016/0377-0427(87)90125-7",
    ),
    "goeman2007": _doi(
        "Goeman JJ, Bühlmann P (2007) Analyzing gene expression data in terms of gene sets: "
        "methodological issues. Bioinformatics 23:980–987.",
        "10.1093/bioinformatics/btm051",
    ),
    "ge2003": _doi(
        "Ge Y, Dudoit S, Speed TP (2003) Resampling-based multiple testing for microarray data "
        "analysis. Test 12:1–77.",
        "10.1007/BF02595811",
    ),
    "traag2019": _doi(
        "Traag VA, Waltman L, van Eck NJ (2019) From Louvain to Leiden: guaranteeing "
        "well-connected communities. Scientific Reports 9:5233.",
        "10.1038/s41598-019-41695-z",
    ),
    "mcinnes2018": Reference(
        "McInnes L, Healy J, Melville J (2018) UMAP: uniform manifold approximation and projection "
        "for dimension reduction. arXiv:1802.03426.",
        "https://arxiv.org/abs/1802.03426",
    ),
    "he2016": _doi(
        "He K, Zhang X, Ren S, Sun J (2016) Deep residual learning for image recognition. IEEE "
        "Conference on Computer Vision and Pattern Recognition:770–778.",
        "10.1109/CVPR.2016.90",
    ),
    "kingma2014": Reference(
        "Kingma DP, Welling M (2014) Auto-encoding variational Bayes. International Conference on "
        "Learning Representations. arXiv:1312.6114.",
        "https://arxiv.org/abs/1312.6114",
    ),
    "liu2022": _doi(
        "Liu Z, Mao H, Wu C-Y, Feichtenhofer C, Darrell T, Xie S (2022) A ConvNet for the 2020s. "
        "IEEE Conference on Computer Vision and Pattern Recognition:11976–11986.",
        "10.1109/CVPR52688.2022.01167",
    ),
    "chen2020": Reference(
        "Chen T, Kornblith S, Norouzi M, Hinton G (2020) A simple framework for contrastive "
        "learning of visual representations. International Conference on Machine Learning. "
        "arXiv:2002.05709.",
        "https://arxiv.org/abs/2002.05709",
    ),
    "bardes2022": Reference(
        "Bardes A, Ponce J, LeCun Y (2022) VICReg: variance-invariance-covariance regularization "
        "for self-supervised learning. International Conference on Learning Representations. "
        "arXiv:2105.04906.",
        "https://arxiv.org/abs/2105.04906",
    ),
    "caron2021": _doi(
        "Caron M, Touvron H, Misra I, Jégou H, Mairal J, Bojanowski P, Joulin A (2021) Emerging "
        "properties in self-supervised vision transformers. IEEE/CVF International Conference on "
        "Computer Vision:9630–9640.",
        "10.1109/ICCV48922.2021.00951",
    ),
    "holm1979": Reference(
        "Holm S (1979) A simple sequentially rejective multiple test procedure. Scandinavian "
        "Journal of Statistics 6:65–70.",
        "https://www.jstor.org/stable/4615733",
    ),
}
