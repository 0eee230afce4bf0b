"""The command: one verb a step of the study; library errors become one clear line and exit 2."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from phenolens import __version__
from phenolens.cli import audit, profiles, structure

app = typer.Typer(
    name="phenolens",
    help="What a Cell Painting screen shows: active perturbations, representations compared "
    "honestly, and the evidence behind them.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)

StudyFile = Annotated[
    Path, typer.Argument(help="The study file (TOML); 'phenolens init' writes one.")
]
Out = Annotated[
    Path | None, typer.Option("--out", help="Folder for the results [default: <stem>-out].")
]
Jobs = Annotated[int | None, typer.Option("--jobs", min=1, help="Processes [default: all cores].")]
Seed = Annotated[int | None, typer.Option("--seed", min=0, help="Overrides the study's seed.")]
Force = Annotated[bool, typer.Option("--force", help="Make every step anew.")]


def _session(study: Path, out: Path | None, *, jobs: int | None, seed: int | None, force: bool):
    from phenolens.progress import RichProgress
    from phenolens.study import open_study

    return open_study(study, out=out, jobs=jobs, seed=seed, force=force, progress=RichProgress())


def _verb(name: str, help_text: str) -> None:
    """Register a verb that takes one step of the study (and the steps it needs)."""

    def command(
        study: StudyFile,
        out: Out = None,
        jobs: Jobs = None,
        seed: Seed = None,
        force: Force = False,
    ) -> None:
        from phenolens import study as steps

        session = _session(study, out, jobs=jobs, seed=seed, force=force)
        for line in getattr(steps, f"tell_{name}", steps.tell_files)(
            session, getattr(steps, name)(session)
        ):
            typer.echo(line)

    command.__doc__ = help_text
    app.command(name)(command)


_verb("check", "Join the screen's tables and audit its design; nothing of the images is read.")
_verb("splits", "Make the folds and control roles that every score shares.")
_verb("prepare", "Read the original images once into the study's store.")
_verb("measure", "Segment the images and measure CellProfiler-type features of every cell.")
_verb("represent", "Make every representation of the wells, fold by fold where it learns.")
_verb("normalize", "Calibrate wells on their own plate's controls.")
_verb("evaluate", "Score every representation beside its baselines.")
_verb("interpret", "Find the features, wells and cells behind the results.")
_verb("report", "Write figures and report.html.")
_verb("run", "Take all steps; what an earlier run finished is kept.")


@app.command()
def init(
    source: Annotated[Path, typer.Argument(help="Folder or table of a screen.")],
    output: Annotated[Path, typer.Option("-o", "--output", help="The study file.")] = Path(
        "study.toml"
    ),
    force: Annotated[bool, typer.Option("--force", help="Overwrite the study file.")] = False,
) -> None:
    """Look at a screen's files and write a short, commented study file."""
    from phenolens.study import init as write_study

    for line in write_study(source, output, force=force):
        typer.echo(line)


@app.command()
def simulate(
    folder: Annotated[Path, typer.Argument(help="Where the screen goes.")],
    plates: Annotated[int, typer.Option(min=1, help="Replicate plates.")] = 4,
    layout: Annotated[str, typer.Option(help="fixed or scrambled positions.")] = "scrambled",
    jobs: Jobs = None,
    seed: Annotated[int, typer.Option(min=0)] = 0,
) -> None:
    """Simulate a Cell Painting screen with known truth, in the gallery's layout."""
    from phenolens.progress import RichProgress
    from phenolens.study import simulate_screen

    simulate_screen(
        folder, plates=plates, layout=layout, jobs=jobs, seed=seed, progress=RichProgress()
    )
    typer.echo(f"Wrote {folder}")


@app.command()
def demo(
    out: Annotated[Path, typer.Option(help="Folder for screen, study and report.")] = Path(
        "phenolens-demo"
    ),
    networks: Annotated[
        bool, typer.Option(help="Train networks too (most of the time; needs PyTorch).")
    ] = True,
    jobs: Jobs = None,
) -> None:
    """Simulate a screen, study it, and leave report.html: everything in one go."""
    from phenolens.progress import RichProgress
    from phenolens.study import demo as run_demo

    report = run_demo(out, networks=networks, jobs=jobs, progress=RichProgress())
    typer.echo(f"Report: {report}")


_COMMANDS = (
    profiles.activity,
    profiles.match,
    profiles.dose,
    profiles.compare,
    structure.retrieve,
    structure.classify,
    structure.cluster,
    structure.batch,
    structure.assay,
    audit.audit,
)
for _command in _COMMANDS:
    app.command()(_command)


@app.command()
def version() -> None:
    """Print the version."""
    typer.echo(__version__)


def main() -> None:
    """Run the command; errors a user can act on are one line on standard error and exit code 2."""
    from phenolens.errors import PhenolensError

    try:
        app()
    except PhenolensError as error:
        _refuse(str(error))
    except OSError as error:  # a folder that cannot be written, a full disk, a file in the way
        _refuse(f"{error.filename or 'a file'}: {error.strerror or error}. Is the place writable?")


def _refuse(what: str) -> None:
    """One line, whatever line breaks another library's message brought along."""
    typer.echo(f"phenolens: {' '.join(what.split())}", err=True)
    sys.exit(2)
