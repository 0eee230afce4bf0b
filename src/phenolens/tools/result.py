"""What every question returns: a table, what it means as a whole, and what to doubt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from textwrap import shorten
from typing import TYPE_CHECKING, Any

from phenolens.errors import InputError, either
from phenolens.findings import MARKS, Finding, worst_first
from phenolens.places import is_url
from phenolens.tools import summaries

if TYPE_CHECKING:
    import anndata
    import pandas as pd
    from matplotlib.figure import Figure

ENDINGS = (".parquet", ".csv", ".csv.gz", ".tsv", ".xlsx")
MOST_NUMBERS, MOST_FINDINGS, WIDEST = 8, 6, 160
NOTED = ("training-unknown", "trained-on-wells")


def _no_scores() -> pd.DataFrame:
    from phenolens.evaluate.results import result_table

    return result_table([])


@dataclass(frozen=True, repr=False, eq=False)
class Result:
    """The answer to one question.

    Attributes
    ----------
    question : str
        The function that was asked: ``activity``, ``match``, ...
    table : DataFrame
        One row a thing asked (a treatment, a label, a plate), with plain columns.
    summary : dict
        What the table says as a whole: plain values by name, nested where that helps.
    findings : tuple of Finding
        What was assumed, left out, or is doubtful.
    settings : dict
        Every setting that made it, defaults included.
    scores : DataFrame
        The long result table (:data:`phenolens.evaluate.results.COLUMNS`); may be empty.
    more : dict of str to DataFrame
        Further tables by name: predictions, members, ...

    Examples
    --------
    >>> import phenolens as pl
    >>> screen, truth = pl.simulate_profiles(seed=3)
    >>> found = pl.activity(screen, permutations=500)
    >>> len(found.table), found.settings["permutations"]
    (40, 500)
    >>> found.write("hits.xlsx").name
    'hits.xlsx'
    """

    question: str
    table: pd.DataFrame
    summary: dict[str, Any]
    findings: tuple[Finding, ...] = ()
    settings: dict[str, Any] = field(default_factory=dict)
    scores: pd.DataFrame = field(default_factory=_no_scores)
    more: dict[str, pd.DataFrame] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Scores carry the codes of what every number of their representation is read with."""
        codes: dict[str, list[str]] = {}
        for found in self.findings:
            if found.code in NOTED:
                own = codes.setdefault(found.about["representation"], [])
                own += [found.code] if found.code not in own else []
        if codes:
            note = self.scores["representation"].map({n: " ".join(c) for n, c in codes.items()})
            object.__setattr__(self, "scores", self.scores.assign(note=note.fillna("")))

    def __repr__(self) -> str:
        """A few lines: the question, the main numbers, the findings; never the table."""
        from phenolens.words.numbers import plural

        rows, columns = self.table.shape
        lines = [f"{self.question}: {plural(rows, 'row')}, {plural(columns, 'column')}"]
        numbers = [f"{name}: {value}" for name, value in self.headline()]
        for found, most, where in (
            (numbers, MOST_NUMBERS, "summary"),
            (self.marked_findings(), MOST_FINDINGS, "findings"),
        ):
            lines += [shorten(line, WIDEST, placeholder=" …") for line in found[:most]]
            if len(found) > most:
                lines.append(f"… {len(found) - most} more in .{where}")
        return "\n  ".join(lines)

    def _repr_html_(self) -> str:
        """For a notebook: the main numbers, the findings, and the first rows of the table."""
        from phenolens.tools.notebook import as_html

        numbers = self.headline()[:MOST_NUMBERS]
        return as_html(self.question, numbers, findings=self.marked_findings(), table=self.table)

    def headline(self) -> list[tuple[str, str]]:
        """The numbers of the summary with their intervals, as text, less what settings repeat.

        Returns
        -------
        list of (name, value)
            ``("fraction retrieved", "0.42 (0.31 to 0.55)")``; of nested parts only those that hold
            a ``value``.
        """
        return summaries.headline(self.summary, self.settings)

    def marked_findings(self) -> list[str]:
        """The findings with their marks (``·`` info, ``!`` warning, ``✗`` error), worst first."""
        return [f"{MARKS[found.severity]} {found}" for found in worst_first(self.findings)]

    def lines(self) -> Iterator[str]:
        """The whole summary, then the findings, as lines of text: what the command prints."""
        yield from summaries.lines(self.summary)
        yield from self.marked_findings()

    def to_dict(self) -> dict[str, Any]:
        """Question, summary, findings and settings as JSON knows them (no number: null)."""
        from phenolens.files import plain

        findings = [found.to_dict() for found in self.findings]
        result = {"question": self.question, "summary": self.summary, "findings": findings}
        return plain(result | {"settings": self.settings})

    def write(self, path: str | Path) -> Path | str:
        """Write the result in the form that the path's ending names; atomically, same bytes again.

        Parameters
        ----------
        path : str or Path
            Also a URL, such as ``s3://bucket/hits.xlsx``. ``.parquet``, ``.csv``, ``.csv.gz`` and
            ``.tsv`` hold the table; ``.xlsx`` has the sheets ``table``, ``summary``, ``findings``
            and ``settings``. Cells that hold lists become text, items parted by ``; ``.

        Returns
        -------
        Path, or str of a URL

        Raises
        ------
        UnreachableError
            If it cannot be sent to a URL.
        InputError
            If the ending is another (of fused profiles: than ``.parquet``), the path is a folder,
            the file cannot be written, or the table has more rows than a sheet of Excel can hold.
        """
        from phenolens.files import atomic_path
        from phenolens.profiles import write_frame
        from phenolens.tools.sheets import flat_cells, write_sheets

        if is_url(path):
            from phenolens.remote.folder import sent_to
            from phenolens.remote.urls import plain_url

            url = plain_url(path)
            self._require_form(url)
            with sent_to(url) as file:
                self.write(file)
            return url
        path = Path(path)
        if path.is_dir():
            raise InputError(f"{path} is a folder: name a file that ends in {either(ENDINGS)}.")
        self._require_form(str(path))
        table = flat_cells(self.table)
        try:
            if path.suffix != ".xlsx":
                write_frame(table, path)
                return path
            with atomic_path(path) as partial:
                write_sheets({"table": table} | self._sheets(), partial)
        except OSError as error:
            raise InputError(f"{path} cannot be written: {error.strerror or error}.") from None
        return path

    def _require_form(self, path: str) -> None:
        """Refuse an ending that names no form, or none that keeps what this result says of itself.

        Raises
        ------
        InputError
            If it does.
        """
        from phenolens.io.cards import CARD

        if CARD in self.table.attrs and not path.endswith(".parquet"):
            raise InputError(
                f"{path}: what {self.question} made says in the file what it learned from, which "
                "only Parquet keeps; name a file that ends in .parquet."
            )
        name = path.replace("\\", "/").rpartition("/")[2]
        if not any(name.endswith(ending) and name != ending for ending in ENDINGS):
            raise InputError(
                f"{path} does not say which form is wanted: name a file that ends in "
                f"{either(ENDINGS)}."
            )

    def _sheets(self) -> dict[str, pd.DataFrame]:
        """Summary, findings and settings as frames; the names of nested values run on."""
        import pandas as pd

        from phenolens.tools.sheets import flat_cells

        columns = ["code", "severity", "what", "about", "values"]
        rows = [(f.code, f.severity, f.text, f.about, f.values) for f in self.findings]
        summary, settings = (
            pd.DataFrame(summaries.rows(held), columns=["name", "value"], dtype=object)
            for held in (self.summary, self.settings)
        )
        findings = pd.DataFrame(rows, columns=columns)
        frames = {"summary": summary, "findings": findings, "settings": settings}
        return {name: flat_cells(frame) for name, frame in frames.items()}

    def plot(self, **options: Any) -> Figure:
        """The question's picture; see :func:`phenolens.tools.plot.plot`, which takes the options.

        Returns
        -------
        Figure
            Shows itself in a notebook; ``.savefig(path)`` writes it.

        Raises
        ------
        InputError
            If this question has no picture, or there is nothing to draw.
        """
        from phenolens.tools.plot import plot

        return plot(self, **options)

    def join(
        self,
        adata: anndata.AnnData,
        on: str | Sequence[str] | None = None,
        *,
        table: str | None = None,
    ) -> anndata.AnnData:
        """A copy of an AnnData whose ``obs`` has the table's columns, matched by key.

        A result by treatment joins to all wells of the treatment, one by well to the well.

        Parameters
        ----------
        adata : AnnData
            Stays as it is.
        on : str or sequence of str, optional
            The key. By default every ``Metadata_*`` column of the table that ``obs`` has too, with
            or without the prefix. Missing values and empty text match one another, numbers match
            by value whatever their type, wells by their canonical name.
        table : str, optional
            One of :attr:`more` (``"predictions"``) instead of the table.

        Returns
        -------
        AnnData
            ``obs`` has ``{question}_{column}`` for each column that is no key, replacing one of
            that name; NaN where no row of the table matches (a truth is a category then).

        Raises
        ------
        InputError
            If there is no key in common, the table has several rows of one key, or nothing
            matches.
        """
        from phenolens.tools.joining import joined

        if table is not None and table not in self.more:
            named = either(self.more) if self.more else "no further table"
            raise InputError(f"{self.question!r} has no table {table!r}; it has {named}.")
        frame = self.table if table is None else self.more[table]
        return joined(adata, frame, question=self.question, on=[on] if isinstance(on, str) else on)
