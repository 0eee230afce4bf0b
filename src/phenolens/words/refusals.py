"""Why a question, or a part of it, has no answer; what would help stands apart, as the remedy."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from phenolens.words import Said, say, wording
from phenolens.words.numbers import size
from phenolens.words.sentences import either, ended, named, reasons

NONE: Mapping[str, int] = {}


@wording("as-said")
def _(*, text: str) -> Said:
    return Said(text, phrase="it could not be asked")


@wording("parts-refused")
def _(*, representation: str, parts: Sequence[Mapping[str, object]]) -> str:
    texts = (say(str(part["code"]), **part).what for part in parts)
    return f"{representation!r}: {reasons(texts)}"


# The folder of results.


@wording("folder-in-use")
def _(*, folder: str, lock: str, host: str, pid: int, since: str) -> Said:
    who = f"process {pid} on {host}" if pid else "another process"
    return Said(
        f"{folder} is being written by {who}{f', since {since}' if since else ''}.",
        remedy=f"Wait until it ends, or give another folder with {named('out')}. Where no such "
        f"process is left, delete {lock}.",
    )


@wording("folder-taken-over")
def _(*, folder: str) -> Said:
    return Said(
        f"{folder} is no longer held by this run: it stood still for long, and another took the "
        "folder, or its lock was deleted.",
        remedy="Nothing more was written. Once no other run works there, run again.",
    )


# Processes and memory.


@wording("pairs-too-many")
def _(*, n: int, of: str, needed: int, room: int) -> Said:
    return Said(
        f"all pairs of {n:,} {of} need about {size(needed)} of memory, and {size(room)} are there",
        remedy="Ask it of a part of the screen, such as some of its plates.",
    )


@wording("classes-too-many")
def _(*, classes: int, wells: int, needed: int, room: int) -> Said:
    return Said(
        f"{classes:,} classes of {wells:,} wells need about {size(needed)} of memory for their "
        f"probabilities, and {size(room)} are there",
        remedy="Ask it of a part of the screen, such as the active treatments.",
    )


@wording("tables-too-large")
def _(*, tables: int, rows: int, needed: int, room: int) -> Said:
    return Said(
        f"{tables:,} tables of {rows:,} rows need about {size(needed)} of memory, and {size(room)} "
        "are there.",
        remedy="Make wells of cells first, some columns at a time: phenolens.aggregate in Python.",
    )


@wording("memory-too-small")
def _(*, what: str, needed: int, room: int, jobs: int, fit: int) -> Said:
    if fit >= 1:
        todo = f"Use at most {fit} with {named('jobs')}"
    else:
        todo = "Close other programs, raise the limit of this job or container, or crop the images"
    by = f" in {jobs} processes" if jobs > 1 else ""
    return Said(
        f"{what}{by} needs about {size(needed)} of memory, and {size(room)} are there.",
        remedy=f"{todo}; what was finished is kept.",
    )


@wording("worker-ended")
def _(*, jobs: int) -> Said:
    fewer = f"use fewer processes than {jobs} ({named('jobs')})" if jobs > 1 else "free some"
    return Said(
        "A worker process was ended from outside; mostly the system does so where memory runs out.",
        remedy=f"If it did, {fewer}, and run again: what was finished is kept.",
    )


# A cluster.


@wording("cluster-without-dask")
def _(*, cluster: str) -> Said:
    return Said(
        f"A cluster ({cluster}) needs dask, which is not installed here.",
        remedy="Install it with: pip install 'phenolens[cluster]'",
    )


@wording("cluster-unreachable")
def _(*, cluster: str, fault: str) -> Said:
    return Said(
        f"The cluster {cluster} cannot be joined: {ended(fault)}",
        remedy=f"Check that its scheduler runs and this machine reaches it, or leave out "
        f"{named('cluster')}.",
    )


@wording("cluster-without-workers")
def _(*, cluster: str, seconds: float) -> Said:
    return Said(
        f"The cluster {cluster} has had no worker for {seconds:.0f} s.",
        remedy="Start some, and run again: what was finished is kept.",
    )


@wording("cluster-gone")
def _(*, cluster: str) -> Said:
    return Said(
        f"The cluster {cluster} went away while it worked.",
        remedy="Start it, or leave it out, and run again: what was finished is kept.",
    )


@wording("cluster-task-ended")
def _(*, cluster: str, task: str) -> Said:
    return Said(
        f"A task ({task}) ended every worker of {cluster} that it was "
        "given to; mostly the system does so where memory runs out.",
        remedy="Give workers more memory, and run again: what was finished is kept.",
    )


@wording("cluster-of-threads")
def _(*, cluster: str, worker: str, threads: int) -> Said:
    return Said(
        f"Worker {worker} of {cluster} does {threads} tasks at once in one process.",
        remedy="Start it with one thread and several processes: dask worker --nthreads 1 "
        f"--nworkers {threads}",
    )


@wording("cluster-other-version")
def _(*, worker: str, theirs: Mapping[str, str], ours: Mapping[str, str]) -> Said:
    said = [f"{name} {theirs[name]} and this process has {ours[name]}" for name in theirs]
    return Said(
        f"Worker {worker} has {', '.join(said)}.",
        remedy="Numbers could differ: install the same versions there and start it anew.",
    )


@wording("cluster-lacks-module")
def _(*, cluster: str, module: str) -> Said:
    return Said(
        f"A worker of {cluster} has no module {module!r}.",
        remedy="Install there what is installed here.",
    )


@wording("cluster-folder-not-shared")
def _(*, host: str, folder: str, fault: str) -> Said:
    return Said(
        f"A worker on {host} does not see the folder of results {folder} ({fault}).",
        remedy="Workers share nothing else: mount it there under the same path, or give another "
        f"with {named('out')}.",
    )


@wording("file-not-on-worker")
def _(*, host: str, file: str) -> Said:
    return Said(
        f"A worker on {host} cannot read {file}, which is readable where the study was started.",
        remedy="Mount its folder there under the same path, for the user that workers run as.",
    )


# What the screen lacks.


@wording("all-controls")
def _(*, representation: str, wells: int) -> Said:
    return Said(
        f"All {wells} wells of {representation!r} are negative controls: none is treated.",
        remedy=f"Say which are controls with {named('controls')}.",
    )


@wording("no-treatment")
def _(*, representation: str, columns: Sequence[str]) -> Said:
    known = ", ".join(columns) or "none beside plate and well"
    return Said(
        f"No well of {representation!r} has a treatment.",
        remedy="name the column that tells one perturbation from another with "
        f"{named('same_by')}; there are {known}.",
    )


@wording("no-control")
def _(*, representation: str) -> Said:
    return Said(
        f"No usable well of {representation!r} is a negative control (by convention DMSO or "
        "negcon).",
        remedy=f"name them with {named('controls')}, such as \"Metadata_Compound == 'DMSO'\".",
    )


@wording("no-control-left")
def _(*, representation: str) -> Said:
    return Said(
        f"No control well of {representation!r} is left to evaluate with: a plate needs three or "
        "more, two to scale it and others to compare with.",
        remedy="Where it has fewer, normalize the profiles beforehand and say normalized=True "
        "(--normalized).",
    )


@wording("several-networks")
def _() -> str:
    return "its treatments were seen by several networks, whose profiles cannot be compared"


@wording("too-few-compounds-unseen")
def _(*, needed: int) -> str:
    return (
        "it learned from labels, so it is tested on compounds that it never saw, which takes "
        f"{needed} of them; this screen has fewer"
    )


@wording("nothing-can-be-tested")
def _(*, dropped: Mapping[str, int] = NONE) -> Said:
    return Said(
        f"No perturbation can be tested: {_counted(dropped)}.",
        phrase="no perturbation can be tested",
    )


@wording("no-well-left")
def _(*, excluded: Mapping[str, int]) -> str:
    return f"No well is left to compare: {_counted(excluded)}."


def _counted(reasons: Mapping[str, int]) -> str:
    return ", ".join(f"{count} {reason}" for reason, count in reasons.items() if count)


# Position.


@wording("no-plate-with-controls")
def _(*, needed: int = 2) -> str:
    return f"No plate has {needed} control wells, as position-safe activity needs."


@wording("no-position-repeated")
def _() -> str:
    return "No control position is repeated on two plates, so none can be held out."


@wording("positions-centred")
def _() -> str:
    return (
        "Every position has mean zero over the plates: per-position means were subtracted, which "
        "erases treatments that keep their position. Use the profiles before that step."
    )


@wording("too-few-positions")
def _(*, control_positions: int, needed: int = 12) -> str:
    return (
        f"{control_positions} control positions are too few for a position-safe test: some fit and "
        f"others form the null, at least {needed} in all."
    )


# Matching, retrieval, clusters, silhouettes, batches, doses, classes.


@wording("label-not-known")
def _(*, representation: str, label: str | None) -> str:
    what = "a mechanism" if label is None else f"a value of {label!r}"
    return (
        f"No treatment of {representation!r} has {what} to match by; name another column with "
        f"{named('label')}."
    )


@wording("columns-not-known")
def _(*, columns: Sequence[str]) -> str:
    return f"the screen does not name {' and '.join(columns)}"


@wording("too-few-active")
def _(*, active: int) -> str:
    return f"Matching needs two active treatments; there are {active}."


@wording("label-not-shared")
def _(*, label: str, marked: str = "") -> str:
    what = f"No value of {label!r} is shared by two treatments that may match"
    several = f" ({marked!r} may hold several: name their mark with {named('separator')})"
    return f"{what}{several if marked else ''}."


@wording("no-contrast")
def _() -> str:
    return "No treatment has both others that share its label and others that do not."


@wording("no-neighbour-allowed")
def _() -> str:
    return "No treatment has an allowed neighbour that shares its label."


@wording("labels-too-few")
def _(*, label: str, rows: int) -> str:
    return f"Column {label!r} names the label of {rows} rows; need two."


@wording("one-place-only")
def _(*, place: str) -> str:
    return f"No perturbation has wells in two values of {place}."


@wording("too-few-values")
def _(*, label: str, values: int) -> str:
    return (
        f"Silhouette needs two values of {label!r} with two wells each; this table has {values}. "
        "Add replicate wells."
    )


@wording("too-few-treatments")
def _(*, treatments: int, needed: int) -> str:
    count = {4: "four"}.get(needed, str(needed))
    return f"Clustering needs at least {count} treatments; got {treatments}."


@wording("no-leiden")
def _() -> Said:
    return Said(
        "Leiden clustering needs leidenalg and igraph, which are under the GPL and not installed.",
        remedy="pip install 'phenolens[leiden]', or use the clusters of k-means.",
    )


@wording("one-batch-only")
def _(*, representation: str, column: str) -> Said:
    return Said(
        f"Wells of {representation!r} are not of several batches: {column} has one value or none; "
        f"name the column of batches with {named('by')}."
    )


@wording("no-dose")
def _(*, representation: str, setting: str) -> Said:
    return Said(
        f"No well of {representation!r} has a {setting}.",
        remedy=f"name its column with {named(setting)}.",
    )


@wording("doses-are-words")
def _(*, representation: str, column: str, examples: Sequence[str]) -> Said:
    return Said(
        f"Column {column!r} of {representation!r} is there and holds words, such as "
        f"{either(map(repr, examples))}, where doses are meant.",
        remedy="Write numbers, with their unit in the cell or in the column's name, or name "
        f"another column with {named('concentration')}.",
    )


@wording("doses-in-names")
def _(
    *, representation: str, column: str, examples: Sequence[str], compound: str, dose: str
) -> Said:
    return Said(
        f"No well of {representation!r} has a concentration; names in {column!r} end in doses, "
        f"such as {either(map(repr, examples))}.",
        remedy=f"In a study file, [data.columns] compound = '{compound}' and "
        f"concentration = '{dose}' split them.",
    )


@wording("too-few-doses")
def _(*, needed: int, column: str) -> str:
    return f"No compound has {needed} positive doses in column {column!r}; a curve needs them."


@wording("doses-not-positive")
def _(*, column: str, got: str) -> str:
    return (
        f"Column {column!r} holds no positive number for a treated well; got {got}. Doses are "
        "numbers in one unit, on their natural scale."
    )


@wording("too-few-controls")
def _(*, needed: int, controls: int, fewest: int) -> str:
    return (
        f"A distance from controls needs {needed} control wells and 2 a plate; there are "
        f"{controls}, and {fewest} on one plate."
    )


@wording("one-class-held-out")
def _(*, representation: str) -> str:
    return (
        f"Held-out wells of {representation!r} have one treatment: there is nothing to tell apart."
    )


@wording("no-well-tested")
def _(*, representation: str) -> str:
    return f"{representation!r} has no well that the folds can test."


# Folds.


@wording("no-treatment-named")
def _() -> str:
    return "no treatments are named, so there is nothing to tell apart"


@wording("one-unit-only")
def _(*, leave_out: str) -> str:
    return f"Leaving out a {leave_out} leaves nothing to train on: there is only one."


@wording("class-in-one-unit")
def _(
    *, label: str, classes: int, leave_out: str, nearest: str = "", nearest_classes: int = 0
) -> str:
    why = (
        f"No class of {label!r} ({classes} classes) occurs in two or more of the units left out "
        f"({leave_out})"
    )
    if nearest:
        return f"{why}. Nearest possible design: leave-{nearest}-out, {nearest_classes} classes."
    return (
        f"{why}: where a class is a single well, what a model learns about it cannot be tested. "
        "Nearest possible design: a second replicate plate, best with another layout."
    )


@wording("fold-dropped")
def _(*, units: Sequence[str]) -> str:
    return f"fold of {', '.join(units)}: none of its classes occurs elsewhere"
