"""What a design cannot answer."""

from __future__ import annotations

from phenolens.words import Said, wording
from phenolens.words.numbers import plural, portion


@wording("no-labels")
def _(*, wells: int) -> Said:
    return Said(
        f"None of the {plural(wells, 'well')} says what was done to it.",
        "Nothing can be called active or alike; features, maps and pictures are shown.",
        "Join a plate map and name its column in [data.columns] compound.",
    )


@wording("unlabelled-wells")
def _(*, blank: int, wells: int) -> Said:
    return Said(
        f"{plural(blank, 'well')} of {wells} carry no treatment.",
        "They take no part in any test.",
        "Complete the plate map, or exclude them.",
    )


@wording("plug-in-not-loaded")
def _(*, what: str, name: str, why: str) -> Said:
    return Said(
        f"The {what} that the plug-in '{name}' offers could not be loaded ({why}).",
        "The study was made without it.",
        "Mend or update the package that offers it, or uninstall it.",
    )


@wording("majority-class")
def _(*, treatment: str, share: float, classes: int, of_images: bool, grave: bool) -> Said:
    unit = "images" if of_images else "wells"
    what = (
        f"{treatment!r} holds {portion(share)} of the {unit}; chance over {classes} classes is "
        f"{portion(1 / classes)}."
    )
    if not grave:
        return Said(what)
    return Said(
        what,
        f"Always answering {treatment!r} is right {portion(share)} of the time.",
        "Read the majority baseline, balanced accuracy and accuracy without controls beside every "
        "score.",
    )


@wording("class-is-one-well")
def _(*, concerned: int, treatments: int) -> Said:
    several = plural(treatments, "treatment")
    if not concerned:
        return Said(f"All {several} have two or more wells.")
    return Said(
        f"{concerned} of {several} sit in a single well.",
        "What is learned about such a treatment cannot be told from its well: splitting its fields "
        "or cells puts one well on both sides.",
        "Treat them on more plates; until then they are left out of training and testing.",
    )


@wording("no-well-interval")
def _(*, concerned: int, treatments: int, needed: int) -> Said:
    return Said(
        f"{concerned} of {plural(treatments, 'treatment')} have fewer than {needed} wells.",
        "No interval over wells is possible for them. Fields and cells of one well are no "
        "replicates: what they show is descriptive.",
        f"Give every treatment {needed} wells or more, on different plates.",
    )


@wording("single-plate")
def _() -> Said:
    return Said(
        "The screen is one plate.",
        "Nothing shows that an effect would repeat on another plate.",
        "Add replicate plates, best with another layout.",
    )


@wording("no-replicate-plates")
def _(*, concerned: int, treatments: int, plates: int) -> Said:
    if not concerned:
        return Said(f"Every treatment is on two or more of {plates} plates.")
    return Said(
        f"{concerned} of {plural(treatments, 'treatment')} are on one plate only.",
        "Their effect cannot be told from that plate's, and leave-plate-out cannot test them.",
        "Repeat them on another plate.",
    )


@wording("no-controls")
def _(*, concerned: int, plates: int) -> Said:
    return Said(
        f"Plates without control wells: {concerned} of {plates}.",
        "Such a plate cannot be calibrated and takes no part in tests against controls.",
        "Mark controls in the plate map or with [data] controls, or exclude the plate.",
    )


@wording("few-controls")
def _(*, concerned: int, plates: int, needed: int, most: int = 0, fewest: int = 0) -> Said:
    if not concerned:
        return Said(f"Every plate has {fewest} or more control wells.")
    if most == 1:
        return Said(
            f"Plates with one control well: {concerned} of {plates}.",
            "One well cannot show how much untreated wells differ: no activity p-value is given "
            "there.",
            f"Put {needed} or more control wells on every plate, spread over it.",
        )
    return Said(
        f"Plates with 2 to {most} control wells: {concerned} of {plates}.",
        "Half of them calibrate while the others evaluate, in turn: the scale of weak effects is "
        "uncertain.",
        f"Put {needed} or more control wells on every plate.",
    )


@wording("controls-reused")
def _(*, doubled: int = 0) -> Said:
    if not doubled:  # of a table of activity: the controls of profiles scaled elsewhere
        return Said(
            "The controls that are compared with also normalized these profiles, which makes them "
            "more alike than fresh controls are: treatments look a little more active.",
            phrase="the controls also normalized these profiles (controls-reused)",
        )
    return Said(
        f"{plural(doubled, 'control well')} must both calibrate and evaluate.",
        "A plate looks more like its own control than it is.",
        "Read such plates' distances from controls as descriptive.",
    )


@wording("batch-confounded")
def _(*, concerned: int, mechanisms: int, batches: int, treatments: int) -> Said:
    if not concerned:
        return Said(f"Every mechanism occurs in two or more of {batches} batches.")
    return Said(
        f"{concerned} of {plural(mechanisms, 'mechanism')} occur in one batch only "
        f"({plural(treatments, 'treatment')}).",
        "What they share may be their batch; matching across batches cannot ask about them.",
        "Repeat them in another batch, or read the scores that leave them out.",
    )


@wording("split-shares-wells")
def _(*, concerned: int, wells: int, folds: int) -> Said:
    if not concerned:
        return Said(f"No well is on both sides of any of {plural(folds, 'fold')}.")
    return Said(
        f"{plural(concerned, 'well')} of {wells} lie in several folds.",
        "A model is tested on fields or cells of wells it was trained on: it may have learned the "
        "well, not the treatment.",
        "Split by well at least, better by plate.",
    )


@wording("cell-count-missing")
def _() -> Said:
    return Said(
        "No cell counts are given and there are no images to count in.",
        "A phenotype cannot be told from loss of cells.",
        "Name the column of cell counts in [data.columns] cell_count.",
    )


@wording("unbalanced-plates")
def _(*, concerned: int, plates: int, usual: float) -> Said:
    return Said(
        f"{plural(concerned, 'plate')} of {plates} have fewer than 80 % of the usual {usual:g} "
        "wells.",
        "Plates weigh differently in pooled scores, and such a plate's own numbers are noisy.",
        "See in the ledger what was set aside.",
    )


@wording("few-images")
def _(*, concerned: int, wells: int, usual: float) -> Said:
    return Said(
        f"{plural(concerned, 'well')} of {wells} have fewer than half the usual {usual:g} images.",
        "Their profiles are noisier.",
        "See in the ledger what was set aside.",
    )
