"""The command: a verb a step of a study, a verb a question; errors are one clear line, exit 2."""

from __future__ import annotations

import errno
import os
import signal
import sys
from pathlib import Path

import click

from phenolens import __version__
from phenolens.cli import questions, study, tools
from phenolens.cli.pages import Setting, Verbs
from phenolens.errors import PhenolensError, did_you_mean

WRONG, STOPPED, PIPE = 2, 130, 141
FULL = (errno.ENOSPC, getattr(errno, "EDQUOT", errno.ENOSPC), errno.EFBIG)


def _version(ctx: click.Context, _: click.Parameter, wanted: object) -> None:
    if wanted and not ctx.resilient_parsing:
        click.echo(__version__)
        ctx.exit()


app = Verbs(
    "What a Cell Painting screen shows: active perturbations, representations compared honestly, "
    "and the evidence behind them.",
    {
        "A study": {
            "design": study.design,
            "init": study.init,
            "plan": study.plan,
            **dict.fromkeys(study.STEPS, study.step),
            "explore": study.explore,
            "audit": study.audit,
            "verify": study.verify,
            "clean": study.clean,
        },
        "Questions to profiles": dict.fromkeys(questions.QUESTIONS, questions.question),
        "Tools": {
            "simulate": tools.simulate,
            "demo": tools.demo,
            "download": tools.download,
            "encoders": tools.encoders,
            "convert-weights": tools.convert_weights,
            "version": tools.version,
            "completion": tools.completion,
        },
    },
    params=[
        Setting(
            ["--version"],
            is_flag=True,
            is_eager=True,
            expose_value=False,
            callback=_version,
            help="Show the version and exit.",
        )
    ],
)


def main() -> None:
    """Run the command; errors a user can act on are one line on standard error and exit code 2."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # schedulers send it: as Ctrl-C
    sys.exit(_run(sys.argv[1:]))


def _run(arguments: list[str]) -> int:
    """What click's own ``main`` does, with our words for what went wrong; the exit code."""
    if instruction := os.environ.get(tools.COMPLETE):
        from click.shell_completion import shell_complete

        return shell_complete(app, {}, "phenolens", tools.COMPLETE, instruction)
    try:
        with app.make_context("phenolens", arguments or ["--help"]) as ctx:
            app.invoke(ctx)
        sys.stdout.flush()
    except click.exceptions.Exit as left:
        return left.exit_code
    except click.ClickException as error:
        return _refuse(_wrong_usage(error))
    except PhenolensError as error:
        return _refuse(str(error))
    except BrokenPipeError:  # whoever read our output has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return PIPE
    except MemoryError as error:
        asked = f" ({error})" if str(error) else ""
        return _refuse(
            f"there is not enough memory{asked}. Close other programs, use fewer processes where "
            "there is --jobs, or take fewer plates at once; what was finished is kept."
        )
    except OSError as error:  # a folder that cannot be written, a full disk, a file in the way
        if error.filename is None and (gone := _folder_that_is_gone()):
            return _refuse(f"the current folder, {gone}, is gone. Change into one that is there.")
        place = error.filename or "a file"
        if error.errno in FULL:
            return _refuse(
                f"{place} cannot be written: {error.strerror or error}. Free some space and run "
                "again; what was finished is kept."
            )
        return _refuse(f"{place}: {error.strerror or error}. Is the place writable?")
    except KeyboardInterrupt:
        return _refuse("stopped.", code=STOPPED)
    return 0


def _folder_that_is_gone() -> str:
    """The folder we stand in, where it was deleted or moved since; else nothing."""
    try:
        Path.cwd()
    except FileNotFoundError:
        return os.environ.get("PWD", "deleted since")
    return ""


def _refuse(what: str, *, code: int = WRONG) -> int:
    """One line, whatever line breaks another library's message brought along."""
    plain = "".join(c if c.isprintable() else repr(c)[1:-1] for c in " ".join(what.split()))
    click.echo(f"phenolens: {plain}", err=True)
    return code


def _wrong_usage(error: click.ClickException) -> str:
    """What is wrong with the line that was typed, what was meant, and where to read more."""
    ctx, parameter = getattr(error, "ctx", None), getattr(error, "param", None)
    text = error.format_message()
    if parameter is not None:
        name = (
            max(parameter.opts, key=len)
            if parameter.opts[0][0] == "-"
            else parameter.metavar.rstrip(".")
        )
        lacking = isinstance(error, click.MissingParameter)
        text = f"{name} {'is missing.' if lacking else error.message}"
    elif isinstance(error, click.NoSuchOption) and ctx is not None:
        options = [p for p in ctx.command.get_params(ctx) if not getattr(p, "hidden", False)]
        known = [name for p in options for name in (*p.opts, *p.secondary_opts) if name[0] == "-"]
        text = f"There is no option '{error.option_name}'{did_you_mean(error.option_name, known)}"
    where = f" See '{ctx.command_path} --help'." if ctx else ""
    return text + ("" if text[-1] in ".?" else ".") + where
