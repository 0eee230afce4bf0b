"""Verbs that ask one question of profiles: each is the function of the same name in ``tools``."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import click

from phenolens.cli.options import given, options_of
from phenolens.cli.pages import Positional, Setting, Verb
from phenolens.cli.signatures import read_signature
from phenolens.cli.values import FORMS, Output, as_typed
from phenolens.errors import InputError, either
from phenolens.globbing import MARKS, matching
from phenolens.places import is_url

QUESTIONS = (
    "activity", "match", "retrieve", "dose", "compare", "fuse", "classify", "cluster", "describe",
    "batch",
    "assay",
)  # fmt: skip
TABLES = (
    "Profile tables (Parquet, CSV, Excel, h5ad) or patterns such as 'plates/*.parquet'; several "
    "are stacked."
)
REPRESENTATIONS = (
    "A table each of two representations or more, of the same wells; a pattern in quotes stacks "
    "files. One h5ad with --obsm twice takes its embeddings."
)
SEVERAL = ("compare", "fuse")
# Spellings that stay in use: the parameter that each sets, and the value where it takes none.
ALIASES = {
    ("match", "--opposite"): ("similarity", "abs_cosine"),
    ("batch", "--column"): ("by", None),
}


def question(name: str) -> Verb:
    """The verb of a question, from the signature and docstring of its function."""
    signature = read_signature(f"tools/{name}.py", name)
    aliases = {words: target for (verb, words), target in ALIASES.items() if verb == name}

    def ask(tables: tuple[str, ...], output: Path, **values: Any) -> None:
        from importlib import import_module

        for words, (target, value) in aliases.items():
            said = values.pop(_parameter_of(words))
            if said is not None:
                values[target] = value or said
        refuse_overwriting(tables, output)
        if name == "fuse" and output.suffix != ".parquet":
            raise InputError(
                f"--output {output}: fused profiles say in the file that they are not for scoring, "
                "which only Parquet keeps; name a file that ends in .parquet."
            )
        options = given(signature, values)
        data: object = list(tables)
        if name in SEVERAL and len(tables) == 1:
            if not isinstance(options.get("obsm"), list):
                raise InputError(f"{name} takes two tables or more, or one h5ad and --obsm twice.")
            data = tables[0]
        result = getattr(import_module(f"phenolens.tools.{name}"), name)(data, **options)
        try:
            result.write(output)
        finally:  # what took minutes to find is told even if it cannot be written
            click.echo("\n".join(result.lines()))
        click.echo(f"Wrote {as_typed(output)}")

    text = REPRESENTATIONS if name in SEVERAL else TABLES
    params = [
        Positional(
            ["tables"], nargs=-1, required=True, type=click.Path(), metavar="TABLES...", text=text
        ),
        *options_of(signature, but=["data"]),
        *(
            Setting([_parameter_of(words), words], is_flag=value is not None or None,
                    default=None, hidden=True)
            for words, (_, value) in aliases.items()
        ),
        Setting(
            ["output", "-o", "--output"],
            type=Output(),
            default=f"{name}.parquet",
            metavar="PATH",
            help=f"Where the table goes; its ending says in which form: {either(FORMS)}. "
            f".xlsx holds the summary too. [default: {name}.parquet]",
        ),
    ]  # fmt: skip
    return Verb(name, signature.summary, ask, params=params, paragraphs=signature.paragraphs)


def refuse_overwriting(tables: Iterable[str], output: Path) -> None:
    """Raise :class:`InputError` where the answer would replace a table that it is made of."""
    from phenolens.files import real_path

    if is_url(output) and as_typed(output) in map(str, tables):
        raise InputError(f"--output {as_typed(output)} is a table that is read; name another file.")
    for full in (Path.cwd() / name for name in tables) if output.is_file() else ():
        marked = not full.exists() and any(mark in full.name for mark in MARKS)
        files = matching(full) if marked else [full]
        if any(real_path(file) == real_path(output) for file in files):
            raise InputError(f"--output {output} is a table that is read; name another file.")


def _parameter_of(words: str) -> str:
    return words.removeprefix("--").replace("-", "_")
