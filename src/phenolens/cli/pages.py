"""Verbs and their help: plain text as wide as the terminal, nothing cut short."""

from __future__ import annotations

import re
import shutil
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import click

from phenolens.cli.examples import EXAMPLES
from phenolens.cli.quiet import quiet
from phenolens.errors import did_you_mean

WIDEST, NARROW, NAMES = 100, 60, 30


class Verb(click.Command):
    """A command whose help is its whole summary, every option, and an example.

    Parameters
    ----------
    name : str
    summary : str
        One sentence, as the list of verbs shows it.
    call : callable
        Takes the parameters by name.
    params : sequence of click.Parameter
    paragraphs : sequence of str
        What the help says below the summary.
    """

    def __init__(
        self,
        name: str,
        summary: str,
        call: Callable[..., None],
        *,
        params: Sequence[click.Parameter],
        paragraphs: Sequence[str] = (),
    ) -> None:
        super().__init__(name, params=list(params), help=summary, callback=call)
        self.summary = summary
        self.paragraphs = paragraphs

    def get_help(self, ctx: click.Context) -> str:
        """The page that ``-h`` shows."""
        arguments = [p for p in self.params if isinstance(p, Positional)]
        names = [p.written if p.required else f"[{p.written}]" for p in arguments]
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option) and not p.hidden]
        return page(
            " ".join([ctx.command_path, *names, "[OPTIONS]"]),
            (self.summary, *self.paragraphs),
            [
                ("", [(p.written, p.text) for p in arguments]),
                ("Options", map(_record, options)),
            ],
            EXAMPLES.get(self.name or "", ()),
        )

    def get_short_help_str(self, limit: int = 45) -> str:
        """The summary, whole: click would cut it at ``limit``."""
        return self.summary

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Write out options that may stand alone: ``--position-safe`` is ``--position-safe=yes``.

        What follows belongs to them where it is a word; a file or another option does not.
        """
        alone = {name: p.alone for p in self.params if isinstance(p, Setting) for name in p.opts}
        stop = args.index("--") if "--" in args else len(args)
        for place, word in enumerate(args[:stop]):
            following = args[place + 1] if place + 1 < stop else ""
            if alone.get(word) and not re.fullmatch(r"\w[\w-]*", following):
                args[place] = f"{word}={alone[word]}"
        self._refuse_repeated(args[:stop], ctx)
        try:
            return super().parse_args(ctx, args)
        except click.UsageError as error:  # click does not say where an option lacks its value
            error.ctx = error.ctx or ctx
            raise

    def _refuse_repeated(self, words: Sequence[str], ctx: click.Context) -> None:
        """Refuse a second value of an option that takes one: click would forget the first."""
        single = [p for p in self.params if isinstance(p, Setting) if not (p.multiple or p.is_flag)]
        for option in single:
            if sum(word.partition("=")[0] in option.opts for word in words) > 1:
                name = max(option.opts, key=len)
                raise click.UsageError(f"{name} takes one value; it is given twice", ctx)

    def invoke(self, ctx: click.Context) -> None:
        """Take the step, with the chatter of other libraries kept off the screen."""
        with quiet():
            super().invoke(ctx)


class Verbs(click.Group):
    """All verbs in groups, each made when it is asked for.

    Parameters
    ----------
    summary : str
    groups : dict
        Of each heading, makers of verbs by name.
    params : sequence of click.Parameter
    """

    def __init__(
        self,
        summary: str,
        groups: dict[str, dict[str, Callable[[str], Verb]]],
        *,
        params: Sequence[click.Parameter] = (),
    ) -> None:
        super().__init__(
            "phenolens",
            params=list(params),
            help=summary,
            context_settings={"help_option_names": ["-h", "--help"]},
        )
        self.summary = summary
        self.groups = groups

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all verbs, in the order of the help."""
        return [name for makers in self.groups.values() for name in makers]

    def get_command(self, ctx: click.Context, cmd_name: str) -> Verb | None:
        """The verb of this name."""
        makers = {name: make for group in self.groups.values() for name, make in group.items()}
        return makers[cmd_name](cmd_name) if cmd_name in makers else None

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """The verb, or the one that was probably meant."""
        known = self.list_commands(ctx)
        if args[0] not in known and not args[0].startswith("-"):
            raise click.UsageError(
                f"There is no verb '{args[0]}'{did_you_mean(args[0], known)}", ctx
            )
        return super().resolve_command(ctx, args)

    def get_help(self, ctx: click.Context) -> str:
        """Every verb with its whole summary, group by group."""
        groups = [
            (heading, [(name, make(name).summary) for name, make in makers.items()])
            for heading, makers in self.groups.items()
        ]
        options = [p for p in self.get_params(ctx) if isinstance(p, click.Option)]
        return page(
            "phenolens VERB ... [OPTIONS]",
            (self.summary, "'phenolens VERB --help' shows what a verb takes, with an example."),
            [*groups, ("Options", map(_record, options))],
            EXAMPLES["phenolens"],
        )


class Setting(click.Option):
    """An option; ``alone`` is the value it has where none is written."""

    def __init__(self, names: Sequence[str], *, alone: str = "", **how: Any) -> None:
        super().__init__(names, **how)
        self.alone = alone


class Positional(click.Argument):
    """An argument with a text for the help."""

    def __init__(self, names: Sequence[str], *, text: str, metavar: str, **how: Any) -> None:
        super().__init__(names, metavar=metavar, **how)
        self.written, self.text = metavar, text


def page(
    usage: str,
    paragraphs: Iterable[str],
    lists: Iterable[tuple[str, Iterable[tuple[str, str]]]],
    examples: Iterable[str],
) -> str:
    """A page of help; examples stay on one line each, for copying.

    Parameters
    ----------
    usage : str
    paragraphs : iterable of str
    lists : iterable of (heading, iterable of (name, text))
    examples : iterable of str
    """
    width = min(shutil.get_terminal_size().columns, WIDEST)
    lines = _wrapped(f"Usage: {usage}", width, "", "         ")
    for paragraph in paragraphs:
        lines += ["", *_wrapped(paragraph, width, "  ", "  ")]
    for heading, records in lists:
        known = list(records)
        lines += ["", *([f"{heading}:"] if heading else [])] if known else []
        lines += _listed(known, width)
    shown = [f"  {example}" for example in examples]
    return "\n".join([*lines, *(["", "Examples:", *shown] if shown else [])])


def _listed(records: Sequence[tuple[str, str]], width: int) -> Iterator[str]:
    """Names and texts in two columns; below one another where a name is long or the page narrow."""
    column = 4 + min(max((len(name) for name, _ in records), default=0), NAMES)
    column = 6 if width < NARROW else column
    for name, text in records:
        texts = _wrapped(text, width, " " * column, " " * column)
        if len(name) + 4 > column:
            yield from [f"  {name}", *texts]
        else:
            yield f"  {name}".ljust(column) + "".join(texts[:1]).lstrip()
            yield from texts[1:]


def _wrapped(text: str, width: int, first: str, rest: str) -> list[str]:
    return textwrap.wrap(
        text,
        width,
        initial_indent=first,
        subsequent_indent=rest,
        break_long_words=False,
        break_on_hyphens=False,
    )


def _record(option: click.Option) -> tuple[str, str]:
    """How an option is written, and its text."""
    names = ", ".join(sorted(option.opts, key=len))
    if option.secondary_opts:
        names += f" / {option.secondary_opts[0]}"
    value = f" [{option.metavar}]" if getattr(option, "alone", "") else f" {option.metavar}"
    return names if option.is_flag else names + value, option.help or ""
