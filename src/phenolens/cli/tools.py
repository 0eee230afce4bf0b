"""Verbs beside a study: a simulated screen, the demo, the version, completion of the shell."""

from __future__ import annotations

import os
from pathlib import PurePath
from typing import Any

import click

from phenolens import __version__
from phenolens.cli.options import given, options_of
from phenolens.cli.pages import Positional, Setting, Verb
from phenolens.cli.signatures import read_signature
from phenolens.cli.study import argument
from phenolens.cli.values import Choice, Here
from phenolens.errors import InputError, either

SHELLS = ("bash", "zsh", "fish")
COMPLETE = "_PHENOLENS_COMPLETE"


def simulate(name: str) -> Verb:
    """The verb that simulates a screen."""
    signature = read_signature("study/start.py", "simulate_screen")

    def write(folder: str, **values: Any) -> None:
        from phenolens import study
        from phenolens.progress import RichProgress

        study.simulate_screen(folder, progress=RichProgress(), **given(signature, values))
        click.echo(f"Wrote {folder}")

    folder = argument(signature, "folder", Here())
    params = [folder, *options_of(signature, but=["folder", "progress"])]
    return Verb(name, signature.summary, write, params=params)


def demo(name: str) -> Verb:
    """The verb that simulates a screen and studies it."""
    signature = read_signature("study/run.py", "demo")

    def show(out: str, **values: Any) -> None:
        from phenolens import study
        from phenolens.progress import RichProgress

        report = study.demo(out, progress=RichProgress(), **given(signature, values))
        click.echo(f"Report: {report}")

    folder = Setting(
        ["--out"],
        type=Here(),
        default="phenolens-demo",
        metavar="PATH",
        help=f"{signature.parameters['folder'].text} [default: phenolens-demo]",
    )
    params = [folder, *options_of(signature, but=["folder", "progress"])]
    return Verb(name, signature.summary, show, params=params)


def download(name: str) -> Verb:
    """The verb that fetches a tree at a URL."""
    signature = read_signature("remote/download.py", "download")

    def fetch(url: str, folder: str, **values: Any) -> None:
        from phenolens.progress import RichProgress
        from phenolens.remote.download import download

        with RichProgress().bar("Downloading (MiB)") as tick:

            def tell(done: int, total: int) -> None:
                tick(done // 2**20, max(total // 2**20, 1))

            found = download(url, folder, tell=tell, **given(signature, values))
        click.echo("\n".join(found.lines()))

    paths = [argument(signature, "url"), argument(signature, "folder", Here())]
    params = [*paths, *options_of(signature, but=["url", "folder", "tell"])]
    return Verb(name, signature.summary, fetch, params=params, paragraphs=signature.paragraphs)


def encoders(name: str) -> Verb:
    """The verb that lists what a study file may name as a representation."""

    def tell() -> None:
        from phenolens.study.printed import lines_of_encoders

        click.echo("\n".join(lines_of_encoders()))

    summary = "List the encoders and other representations that are there, with their options."
    return Verb(name, summary, tell, params=[])


def convert_weights(name: str) -> Verb:
    """The verb that turns a pickle of weights into safetensors."""
    signature = read_signature("represent/pretrained/convert.py", "convert_weights")

    def write(weights: str, out: str, **values: Any) -> None:
        from phenolens.represent.pretrained.convert import convert_weights

        n = convert_weights(weights, out, **given(signature, values))
        click.echo(f"Wrote {out}: {n} tensors")

    paths = [argument(signature, "weights", Here()), argument(signature, "out", Here())]
    params = [*paths, *options_of(signature, but=["weights", "out"])]
    return Verb(name, signature.summary, write, params=params)


def version(name: str) -> Verb:
    """The verb that prints the version."""
    return Verb(name, "Print the version.", lambda: click.echo(__version__), params=[])


def completion(name: str) -> Verb:
    """The verb that prints what a shell needs to complete verbs, options and files."""

    def script(shell: str | None) -> None:
        from click.shell_completion import get_completion_class

        shell = shell or PurePath(os.environ.get("SHELL", "")).name
        if shell not in SHELLS:
            raise InputError(f"Name the shell: 'phenolens {name}' with {either(SHELLS)}.")
        root = click.get_current_context().find_root().command
        complete = get_completion_class(shell)
        assert complete is not None, shell  # SHELLS are those that click knows
        made = complete(root, {}, "phenolens", COMPLETE)
        click.echo(made.source_template % made.source_vars())

    text = f"{either(SHELLS)}; the shell in use by default."
    params = [
        Positional(["shell"], required=False, type=Choice(SHELLS), metavar="SHELL", text=text)
    ]
    summary = "Print the lines that let a shell complete verbs, options and choices with Tab."
    return Verb(name, summary, script, params=params)
