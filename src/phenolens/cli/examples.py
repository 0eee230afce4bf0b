"""An example or two of each verb, shown at the end of its help; those of questions are tests."""

from __future__ import annotations

EXAMPLES = {
    "phenolens": (
        "phenolens demo",
        "phenolens init my-screen/ && phenolens run study.toml",
        "phenolens activity plates/*.parquet -o hits.xlsx",
    ),
    "init": (
        "phenolens init my-screen/ -o study.toml",
        'phenolens init my-screen/ --set \'data.images.channels=["DNA", "ER"]\' --force --quiet',
    ),
    "design": (
        "phenolens design 320 --replicates 4 --controls DMSO=32 -o plate-maps",
        "phenolens design compounds.csv --wells 96 --controls DMSO=12 --positives taxol=4 "
        "--empty-edge --pilot pilot.parquet",
    ),
    "plan": ("phenolens plan study.toml --jobs 8", "phenolens plan study.toml --json"),
    "check": ("phenolens check study.toml",),
    "splits": ("phenolens splits study.toml --seed 1",),
    "prepare": ("phenolens prepare study.toml --jobs 4",),
    "measure": ("phenolens measure study.toml --jobs 4",),
    "represent": ("phenolens represent study.toml",),
    "normalize": ("phenolens normalize study.toml",),
    "evaluate": ("phenolens evaluate study.toml",),
    "interpret": ("phenolens interpret study.toml",),
    "report": ("phenolens report study.toml",),
    "run": (
        "phenolens run study.toml --out results --jobs 4",
        "phenolens run study.toml --cluster tcp://scheduler:8786",
        "phenolens run study.toml --out s3://bucket/results",
    ),
    "explore": (
        "phenolens explore results",
        "phenolens explore results --export site --treatments 'taxol@10' --treatments DMSO",
    ),
    "audit": (
        "phenolens audit study.toml --strict",
        "phenolens audit plates/*.parquet -o findings.xlsx",
        "phenolens audit --tables exported/ -o findings.json",
    ),
    "verify": ("phenolens verify results",),
    "clean": ("phenolens clean results", "phenolens clean results --everything --yes"),
    "activity": (
        "phenolens activity plates/*.parquet -o hits.xlsx",
        "phenolens activity plates/*.parquet --same-by Metadata_Compound "
        "--controls \"Metadata_Compound == 'DMSO'\"",
    ),
    "match": (
        "phenolens match plates/*.parquet --label Metadata_Mechanism -o mechanisms.csv",
        "phenolens match plates/*.parquet --similarity abs_cosine --among active",
    ),
    "retrieve": ("phenolens retrieve plates/*.parquet --across Metadata_Plate",),
    "dose": (
        "phenolens dose plates/*.parquet --compound Metadata_Compound "
        "--concentration Metadata_Concentration",
    ),
    "compare": ("phenolens compare cellprofiler.parquet network.parquet -o comparison.csv",),
    "fuse": ("phenolens fuse cellprofiler.parquet network.parquet --no-score -o fused.parquet",),
    "classify": (
        "phenolens classify plates/*.parquet --leave-out plate",
        "phenolens classify plates/*.parquet --no-baselines -o quick.csv",
    ),
    "cluster": ("phenolens cluster plates/*.parquet --label Metadata_Mechanism --clusters 5",),
    "describe": ("phenolens describe plates/*.parquet -o changed.xlsx",),
    "batch": ("phenolens batch plates/*.parquet --by Metadata_Plate",),
    "assay": ("phenolens assay plates/*.parquet -o plates.csv",),
    "simulate": ("phenolens simulate my-screen/ --plates 2 --layout fixed",),
    "demo": ("phenolens demo --no-networks",),
    "download": (
        "phenolens download s3://cellpainting-gallery/cpg0000-jump-pilot/source_4/workspace . "
        "--include 'profiles/*/BR00116991_*' --dry-run",
    ),
    "convert-weights": (
        "phenolens convert-weights published.pth published.safetensors",
        "phenolens convert-weights checkpoint.pth encoder.safetensors --part teacher",
    ),
    "encoders": ("phenolens encoders",),
    "version": ("phenolens version",),
    "completion": (
        "phenolens completion bash >> ~/.bashrc",
        "phenolens completion zsh >> ~/.zshrc",
        "phenolens completion fish > ~/.config/fish/completions/phenolens.fish",
    ),
}
