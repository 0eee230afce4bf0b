"""The study file: typed, frozen, and strict about names it does not know.

A study file is TOML. Its sections are the verbs of the command, in the order a study runs; every
setting has a default, so the shortest study file says only where the data are.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin
from unicodedata import category

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic.fields import FieldInfo

from phenolens.changes import SPELLED, Change, changed, parse
from phenolens.errors import ConfigError, PhenolensError, did_you_mean, either, shown
from phenolens.files import is_endless
from phenolens.io.formats.base import image_format
from phenolens.represent.base import NAME, NAME_IS, REPRESENTATIONS, kinds_of, options_of
from phenolens.represent.cnn import CNNOptions
from phenolens.represent.pixel_pca import PixelPCAOptions
from phenolens.represent.vae import VAEOptions
from phenolens.settings import (
    DEFAULTS,
    HARMONY_IS_FOR_MAPS,
    RANGES,
    CellCountEffect,
    LearnedMetric,
    LeaveOut,
    Middle,
    Position,
    PositionSafe,
    Projection,
    Scaling,
    Shrinkage,
    Spread,
    Transform,
    Whitening,
)
from phenolens.words.names import NOISE


class SettingsSection(BaseModel):
    """A section of the study file: immutable, and unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", validate_default=True)


LARGEST = 2_000_000
"""Bytes of a study file; TOML of more is read for minutes."""


def _names_an_encoder(name: str) -> str:
    if not NAME.fullmatch(name):
        raise ValueError(f"{name!r} is no name of an encoder: {NAME_IS}")
    return name


def _names_a_file(files: str | list[str]) -> str | list[str]:
    if not files:
        raise ValueError("it names no file")
    return files


Files = Annotated[str | list[str], AfterValidator(_names_a_file)]
Share = Annotated[float, Field(gt=0, lt=1)]
Count = Annotated[int, Field(ge=1)]


def _within(setting: str) -> object:
    """The limits that a setting has in the command and in Python too."""
    least, most = RANGES[setting]
    return Field(ge=least, le=most)


class StudySection(SettingsSection):
    """Name and seed of the study."""

    name: str = "study"
    seed: Annotated[int, _within("seed")] = DEFAULTS.seed


class Columns(SettingsSection):
    """Which columns of the joined tables hold the canonical metadata.

    ``cell_label`` is a column of the images' table, for crops of single cells: the class of each,
    of which a well may hold several.
    """

    plate: str = "Metadata_Plate"
    well: str = "Metadata_Well"
    site: str | None = None
    batch: str | None = None
    compound: str | None = None
    concentration: str | None = None
    mechanism: str | None = None
    target: str | None = None
    cell_count: str | None = None
    cell_label: str | None = None


class Images(SettingsSection):
    """Where the images are and how one row of the table names its pixels.

    ``layout = "load_data"`` reads CellProfiler LoadData columns (``FileName_Orig<Stain>`` and
    ``PathName_Orig<Stain>``, or ``URL_Orig<Stain>``); ``"table"`` reads ``file`` (one multi-channel
    file or stack a row, with ``index`` into the stack) or ``files`` (one column a stain);
    ``"phenix"`` reads Opera Phenix names or ``Index.idx.xml`` below ``root``; ``"ome-tiff"``,
    ``"hyperstack"``, ``"ome-zarr"`` and ``"bioio"`` files that hold whole fields. ``labels`` maps
    compartments to columns with label images (of OME-Zarr, to their names), which then take the
    place of segmentation.

    ``projection`` makes one image of the planes of a field (a stack in z): their largest or mean
    intensity, the plane in the middle, the sharpest one, or the plane of that number.
    ``pattern`` says what names mean where ``layout = "names"``, and ``plate_format`` how many wells
    a plate has where names number them.
    """

    table: Files | None = None
    layout: str = "table"
    root: str = "."
    level: Literal["field", "tile", "cell"] = "field"
    channels: list[str] = []
    file: str | None = None
    files: dict[str, str] = {}
    index: str | None = None
    nuclei: str | None = None
    pixel_size_um: Annotated[float, Field(gt=0, allow_inf_nan=False)] | None = None
    differing: Literal["set aside", "keep"] = "set aside"
    labels: dict[str, str] = {}
    projection: Projection | None = None
    pattern: str | None = None
    plate_format: Literal[6, 12, 24, 48, 96, 384, 1536] | None = None

    @field_validator("layout")
    @classmethod
    def _known_layout(cls, layout: str) -> str:
        try:
            return image_format(layout).name
        except PhenolensError as error:
            raise ValueError(str(error)) from None

    @model_validator(mode="after")
    def _labels_that_can_be_used(self) -> Images:
        known = ("Nuclei", "Cells", "Cytoplasm", "NucleiOutlines", "CellsOutlines")
        unknown = [name for name in self.labels if name not in known]
        if unknown:
            raise ValueError(f"labels has no '{unknown[0]}'; there are {', '.join(known)}")
        named = [name.removesuffix("Outlines") for name in self.labels]
        if self.labels and (named.count("Nuclei") != 1 or named.count("Cells") > 1):
            raise ValueError("labels needs Nuclei or NucleiOutlines, and each compartment once")
        held = self.table is not None or self.layout == "ome-zarr"
        if self.labels and (self.level == "cell" or not held):
            raise ValueError("labels are for fields or tiles that a table or OME-Zarr lists")
        return self


class ProfileFiles(SettingsSection):
    """A table of features made elsewhere (CellProfiler, a network), one row a cell or a well.

    ``kind`` says how they were made; left out, features named as CellProfiler or Harmony name them
    are ``measured``, those of DeepProfiler ``pretrained``, and of others it is not known.
    ``trained_on`` and ``labels_seen`` say which wells and labels of this screen they learned from;
    what learned from a well is not scored on it.
    """

    name: Annotated[str, Field(pattern=r"^[^./\\:][^/\\:]*$")]
    files: Files
    level: Literal["cell", "field", "well"] = "well"
    normalized: bool | Literal["auto"] = "auto"
    prefix: str | list[str] | None = None
    obsm: str | None = None
    layer: str | None = None
    kind: Literal["measured", "unsupervised", "supervised", "pretrained"] | None = None
    trained_on: str | list[str] | None = None
    labels_seen: str | list[str] | None = None
    licence: str = ""
    url: str = ""


class MetadataTable(SettingsSection):
    """A metadata table joined to the wells: plate map, barcode map, compound annotation."""

    file: Files
    on: dict[str, str]
    sep: str | None = None
    sheet: str | None = None


class Data(SettingsSection):
    """What the screen consists of.

    ``same_plate`` lists plates that are one, measured several times, ``distinct_plates`` plates
    that are not, however alike; ``measurement`` is a query for the time point, plane or measurement
    that counts, or ``"average"``. ``marks`` is a file of marks that ``phenolens explore`` wrote,
    and ``exclude_marks`` says which of them leave their wells out.
    """

    modality: Literal["compound", "genetic"] = "compound"
    controls: str | None = None
    positive_controls: str | None = None
    exclude: str | None = None
    marks: str | None = None
    exclude_marks: list[Literal["hit", "artefact", "look again"]] = []
    same_plate: list[list[str]] = []
    distinct_plates: list[str] = []
    measurement: str | None = None
    columns: Columns = Columns()
    images: Images | None = None
    profiles: list[ProfileFiles] = []
    tables: list[MetadataTable] = []

    @model_validator(mode="after")
    def _something_to_study(self) -> Data:
        if self.images is None and not self.profiles:
            raise ValueError("give [data.images] or at least one [[data.profiles]]")
        if self.exclude_marks and self.marks is None:
            raise ValueError(
                "exclude_marks needs marks, the file that 'phenolens explore' keeps beside the "
                "results, such as 'study-out.marks.json'"
            )
        crops = self.images is not None and self.images.level == "cell"
        if self.columns.cell_label is not None and not crops:
            raise ValueError(
                "columns.cell_label is for crops of single cells: [data.images] level = 'cell'"
            )
        names = [block.name for block in self.profiles]
        if len(set(names)) < len(names):
            raise ValueError(f"two [[data.profiles]] share a name: {', '.join(names)}")
        if any(len(set(group)) < 2 for group in self.same_plate):
            raise ValueError('same_plate names plates that are one, as [["P1", "P1_again"]]')
        grouped = [plate for group in self.same_plate for plate in group]
        if both := sorted(set(grouped) & set(self.distinct_plates)):
            raise ValueError(f"same_plate and distinct_plates both name {both[0]!r}")
        return self


class Splits(SettingsSection):
    """How the screen is divided before anything learns."""

    leave_out: LeaveOut = DEFAULTS.leave_out
    max_folds: Annotated[int, _within("max_folds")] = DEFAULTS.max_folds


class Prepare(SettingsSection):
    """Illumination correction of the images: estimated, taken from given functions, or none."""

    illumination: Literal["auto", "estimate", "given", "none"] = "auto"


class Segment(SettingsSection):
    """Nuclei and cells. Diameters in pixels; guessed from the images when not given.

    ``cellpose`` needs the optional extra of that name and takes no ``options``.
    """

    method: Literal["threshold", "cellpose"] = "threshold"
    nucleus_diameter: Annotated[float, Field(gt=0)] | None = None
    cell_diameter: Annotated[float, Field(gt=0)] | None = None
    options: dict[str, float | int | bool | str] = {}

    @model_validator(mode="after")
    def _options_of_the_method(self) -> Segment:
        if self.method == "cellpose" and self.options:
            raise ValueError("method = 'cellpose' takes diameters, but none of the options")
        return self


class Measure(SettingsSection):
    """Which families of CellProfiler-type features are measured.

    Empty means all but ``Costes`` (often NaN, slow, and not in JUMP's production profiles) and
    ``Moments`` (CellProfiler's advanced features).
    """

    families: list[str] = []


class Represent(SettingsSection, PixelPCAOptions):
    """Which representations are made of images, beside the profiles that were given.

    A table ``[represent.NAME]`` holds settings of the representation of that name alone.
    """

    model_config = ConfigDict(frozen=True, extra="allow", validate_default=True)
    __pydantic_extra__: dict[str, dict[str, Any]]

    representations: list[str] = ["cellprofiler", "pixel-pca"]


class Encoder(SettingsSection):
    """A representation under a name and with settings of its own, beside others of its kind.

    ``kind`` is one of those that are registered. What ``settings`` does not say stands in the
    section that the kind shares with others, such as ``[networks]``.
    """

    name: Annotated[str, AfterValidator(_names_an_encoder)]
    kind: str
    settings: dict[str, Any] = {}


class Networks(SettingsSection, CNNOptions, VAEOptions):
    """How the networks read images and learn; used by those named in `represent`.

    ``input`` is ``cells`` (a crop of ``box`` pixels around each measured cell) or ``images`` (each
    image whole, in ``tiles``); screens of single-cell crops are read as they are. ``groups`` is the
    number of parts into which treatments are put where labels must not have been seen: a network
    per part, trained on the others.
    """

    input: Literal["cells", "images"] = "cells"
    box: Annotated[int, Field(ge=16, multiple_of=2)] | None = None
    cells_per_well: Count = 100
    groups: Annotated[int, Field(ge=2, le=10)] = 2

    @model_validator(mode="after")
    def _one_way_of_reading(self) -> Networks:
        if self.input == "cells" and self.tiles > 1:
            raise ValueError("tiles are for input = 'images'; cells are cropped one by one")
        if self.input == "images" and self.box:
            raise ValueError("box is the side of a cell's crop, for input = 'cells'")
        return self


class Normalize(SettingsSection):
    """Scaling of wells on their own plate's calibrating controls, and what all of those even out.

    A plate's own controls give its centre; ``spread`` says whose give the spread: the plate's own,
    or, after centring, those of all plates (``auto``: where plates have fewer than 16 that
    calibrate). Then, on calibrating controls too: ``position`` subtracts the surface that they show
    over the plate, ``cell_count`` what features follow the number of cells by, ``transform`` takes
    ranks among them, ``whitening`` evens out the directions in which they vary, with
    ``regularization`` in units of a feature's variance or ``shrinkage`` by their own measure.
    """

    method: Scaling = DEFAULTS.method
    aggregate: Middle = DEFAULTS.aggregate
    quality_weights: bool = DEFAULTS.quality_weights
    clip: Annotated[float, Field(gt=0)] = DEFAULTS.clip
    spread: Spread = DEFAULTS.spread
    position: Position = DEFAULTS.position
    cell_count: CellCountEffect = DEFAULTS.cell_count
    transform: Transform = DEFAULTS.transform
    whitening: Whitening = DEFAULTS.whitening
    regularization: Annotated[float, Field(gt=0)] = DEFAULTS.regularization
    shrinkage: Shrinkage = DEFAULTS.shrinkage
    min_cells: Annotated[int, Field(ge=0)] = 0

    @field_validator("whitening", mode="before")
    @classmethod
    def _not_harmony(cls, value: object) -> object:
        if value == "harmony":
            raise ValueError(HARMONY_IS_FOR_MAPS)
        return value


class Evaluate(SettingsSection):
    """Permutations, bootstrap replicates and what is asked of the profiles."""

    permutations: Annotated[int, _within("permutations")] = DEFAULTS.permutations
    bootstrap: Annotated[int, _within("bootstrap")] = DEFAULTS.bootstrap
    alpha: Share = DEFAULTS.alpha
    clusters: Annotated[int, _within("clusters")] = DEFAULTS.clusters
    position_safe: PositionSafe = DEFAULTS.position_safe
    hub_correction: bool = DEFAULTS.hub_correction
    learned_metric: LearnedMetric = DEFAULTS.learned_metric
    map_alignment: Literal["none", "harmony"] = "none"


class Report(SettingsSection):
    """What the report shows."""

    montages: Annotated[int, Field(ge=0)] = 6
    title: str | None = None


class Study(SettingsSection):
    """A whole study file."""

    study: StudySection = StudySection()
    data: Data
    splits: Splits = Splits()
    prepare: Prepare = Prepare()
    segment: Segment = Segment()
    measure: Measure = Measure()
    represent: Represent = Represent()
    networks: Networks = Networks()
    encoders: list[Encoder] = []
    normalize: Normalize = Normalize()
    evaluate: Evaluate = Evaluate()
    report: Report = Report()


def read_study(path: str | Path, *, changes: Sequence[str] = ()) -> Study:
    """Read and check a study file.

    Parameters
    ----------
    path : path
    changes : sequence of str
        Settings that take the place of the file's: see :mod:`phenolens.changes`.

    Raises
    ------
    ConfigError
        If the file is missing, is not TOML, or has a section or key that is unknown or invalid;
        every fault is named with its place in the file. If a change is none.
    """
    path = Path(path)
    if is_endless(path):
        raise ConfigError(f"{path} is a pipe or a device, and no study file.")
    try:
        if (size := path.stat().st_size) > LARGEST and path.is_file():
            raise ConfigError(
                f"{path} has {size / 1e6:,.0f} MB and is no study file, which is a page of text. "
                "'phenolens init' writes one."
            )
        values = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"There is no study file {path}. 'phenolens init' writes one.") from None
    except OSError as error:
        raise ConfigError(f"{path} cannot be read as a study file: {error.strerror}.") from None
    except ValueError as error:  # no TOML, no UTF-8, or an integer of thousands of digits
        raise ConfigError(f"{path} is not valid TOML: {error}") from None
    except RecursionError:
        raise ConfigError(f"{path} is not valid TOML: its lists nest too deep.") from None
    given = parse(changes)
    require_known(given)
    source = f"{path} with {SPELLED}" if given else str(path)
    return study_of(changed(values, given), source=source)


def study_of(values: Mapping[str, Any], *, source: str) -> Study:
    """The values of a study file, checked.

    Parameters
    ----------
    values : mapping
    source : str
        What they are called in errors.

    Raises
    ------
    ConfigError
        As :func:`read_study`.
    """
    if faults := list(_control_characters(values)):
        raise ConfigError(f"{source}: {'; '.join(faults)}")
    try:
        study = Study.model_validate(values)
    except ValidationError as error:
        faults = [_fault(item) for item in error.errors()]
        raise ConfigError(f"{source}: {'; '.join(faults)}") from None
    faults = [*_faults_of_encoders(study), *_faults_of_representations(study)]
    if faults := faults or list(_faults_of_cell_labels(study)):
        raise ConfigError(f"{source}: {'; '.join(faults)}")
    return with_representations(study, [item.name for item in study.encoders])


def with_representations(study: Study, more: Sequence[str]) -> Study:
    """The study with more representations behind those it names.

    Raises
    ------
    ConfigError
        If profiles of that name are given, or there are no images to make them of.
    """
    given = [block.name for block in study.data.profiles]
    for name in more:
        if name in given:
            raise ConfigError(
                f"encoders: there is [[data.profiles]] '{name}'; give the encoder another name."
            )
    if more and study.data.images is None:
        raise ConfigError(
            f"encoders: there is no [data.images] for '{more[0]}' to read; [[data.profiles]] take "
            "what was made elsewhere."
        )
    asked = list(dict.fromkeys([*study.represent.representations, *more]))
    represent = study.represent.model_copy(update={"representations": asked})
    return study.model_copy(update={"represent": represent})


def _control_characters(value: Any, place: tuple[str, ...] = ()) -> Iterator[str]:
    """Faults of texts that no screen, page or file name can show.

    Nothing may hold NUL; names and titles no other either, which paths and columns may have.
    """
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _control_characters(item, (*place, str(key)))
    elif isinstance(value, list):
        for number, item in enumerate(value):
            yield from _control_characters(item, (*place, str(number)))
    elif isinstance(value, str):
        is_name = place[-1:] in (("name",), ("title",))
        found = [c for c in value if c == "\0" or (is_name and category(c) == "Cc")]
        if found:
            told = f"'{'.'.join(place)}' holds the control character {found[0]!r}"
            yield f"{told} ({shown(value)}): take it out"


def require_known(changes: Sequence[Change]) -> None:
    """Refuse changes of settings that there are not.

    Raises
    ------
    ConfigError
        Names the setting that was probably meant.
    """
    for change in changes:
        for number, name in enumerate(change.path):
            above = change.path[:number]
            section = _section(above)
            if section is None or _is_list(above) or name in section.model_fields:
                continue
            if section.model_config["extra"] == "forbid":
                place = ".".join(change.path[: number + 1])
                meant = did_you_mean(name, section.model_fields).rstrip(".")
                meant = meant or _of_other_sections(change.path[-1])
                raise ConfigError(
                    f"{SPELLED}: '{place}' is not a setting we know{meant} (see "
                    "docs/study-file.md)."
                )


def _faults_of_encoders(study: Study) -> Iterator[str]:
    """What is wrong with the tables ``[[encoders]]``, each named."""
    registered, kinds = REPRESENTATIONS.known(), kinds_of(study.model_dump())
    taken = dict.fromkeys((*registered, NOISE), "a representation of that name")
    taken |= {block.name: "[[data.profiles]] of that name" for block in study.data.profiles}
    for item in study.encoders:
        place = f"encoders.{item.name}"
        if study.data.images is None:
            yield f"'{place}': there is no [data.images] for it to read"
            continue
        if item.name in taken:
            yield f"'{place}': there is {taken[item.name]}; give the encoder another name"
            continue
        taken[item.name] = "another of [[encoders]] of that name"
        if item.kind not in registered:
            meant = did_you_mean(item.kind, registered).rstrip(".")
            meant = meant or f"; there are {', '.join(registered)}"
            unknown = f"'{place}.kind': there is no representation '{item.kind}'{meant}"
            yield unknown + REPRESENTATIONS.failures()
            continue
        kind = kinds[item.name]
        try:
            options_of(kind, study.model_dump())
        except ValidationError as error:
            keys = list(kind.Options.model_fields)
            place_of = ("encoders", item.name, "settings")
            yield from (_fault({**e, "loc": (*place_of, *e["loc"])}, keys) for e in error.errors())


def _faults_of_cell_labels(study: Study) -> Iterator[str]:
    """What needs labels of wells, where networks learn those of cells."""
    if study.data.columns.cell_label is None:
        return
    kinds, settings = kinds_of(study.model_dump()), study.model_dump()
    asked = [name for name in study.represent.representations if name in kinds]
    options = {name: options_of(kinds[name], settings) for name in asked}
    learn = [name for name in asked if kinds[name].learns_with(options[name]) == "labels"]
    for name in study.represent.representations:
        parts = [part for part in name.split("+") if part in learn]
        if "+" in name and parts:
            yield (
                f"'represent.representations': '{name}' joins profiles of wells, and with "
                f"data.columns.cell_label '{parts[0]}' learns the classes of cells: take it out"
            )
    for name in asked:
        if getattr(options[name], "pooling", "") == "attention" and kinds[name].kind != "baseline":
            yield (
                f"'{name}': pooling = 'attention' learns labels of wells, and "
                "data.columns.cell_label names those of cells: choose another pooling"
            )


def _faults_of_representations(study: Study) -> list[str]:
    """What is wrong with the tables ``[represent.NAME]``, or missing where there is none."""
    faults = []
    encoders = [item.name for item in study.encoders]
    known = REPRESENTATIONS.known()
    wanted = [name for name in study.represent.representations if name in known]
    for name in dict.fromkeys([*(study.represent.model_extra or {}), *wanted]):
        if name in encoders:
            faults.append(f"'represent.{name}': write it as settings of [[encoders]] '{name}'")
            continue
        if name not in known:
            meant = did_you_mean(name, known).rstrip(".")
            unknown = f"'represent.{name}' is no representation that we know{meant}"
            faults.append(unknown + REPRESENTATIONS.failures())
            continue
        keys = list(known[name].Options.model_fields)
        try:
            options_of(known[name], study.model_dump())
        except ValidationError as error:
            found = [{**item, "loc": ("represent", name, *item["loc"])} for item in error.errors()]
            faults += [_fault(item, keys) for item in found]
    return faults


def _fault(item: Mapping[str, Any], keys: Sequence[str] | None = None) -> str:
    """One fault in words; ``keys`` are those that the section of a wrong key knows."""
    place = ".".join(map(str, item["loc"])) or "the file"
    no_table = item["loc"][:1] == ("represent",) and item["type"] == "dict_type"
    if item["type"] == "extra_forbidden" or no_table:
        *section, key = item["loc"]
        meant = did_you_mean(str(key), _keys(section) if keys is None else keys).rstrip(".")
        meant = meant or ("" if no_table else _of_other_sections(str(key)))
        return f"'{place}' is not a setting we know{meant} (see docs/study-file.md)"
    if item["type"] == "missing":
        return f"'{place}' is missing"
    if item["type"] == "value_error":
        return f"'{place}': {item['ctx']['error']}"
    return f"'{place}': {item['msg']} (got {item['input']!r})"


def _keys(place: Sequence[str | int]) -> list[str]:
    """Keys that the section at a place of the file knows."""
    section = _section(place)
    return [] if section is None else list(section.model_fields)


def _section(place: Sequence[str | int]) -> type[BaseModel] | None:
    """The section at a place of the file; what follows a list is a number or name of its tables."""
    section: type[BaseModel] = Study
    for number, name in enumerate(place):
        if _is_list(place[:number]):
            continue
        found = _section_of(section.model_fields.get(str(name)))
        if found is None:
            return None
        section = found
    return section


def _section_of(field: FieldInfo | None) -> type[SettingsSection] | None:
    kinds = () if field is None else (field.annotation, *get_args(field.annotation))
    found = [k for k in kinds if isinstance(k, type) and issubclass(k, SettingsSection)]
    return found[0] if found else None


def _is_list(place: Sequence[str | int]) -> bool:
    """Whether a list of tables is at a place of the file."""
    section: type[BaseModel] = Study
    for number, name in enumerate(place):
        field = section.model_fields.get(str(name))
        found = _section_of(field)
        if field is None or found is None:
            return False
        if get_origin(field.annotation) is list:
            return number == len(place) - 1
        section = found
    return False


def _of_other_sections(key: str) -> str:
    """The end of a sentence about a key that its section does not know, and others do."""
    places = dict(_keys_below(Study))
    meant = sorted(place for place, name in places.items() if name == key)
    if not meant and (close := get_close_matches(key, set(places.values()), n=1, cutoff=0.7)):
        meant = sorted(place for place, name in places.items() if name == close[0])
    return f"; did you mean {either(map(repr, meant))}?" if meant else ""


def _keys_below(section: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Places of all settings below a section, and the last word of each."""
    for name, field in section.model_fields.items():
        yield f"{above}{name}", name
        if (inside := _section_of(field)) is not None:
            item = "0." if get_origin(field.annotation) is list else ""
            yield from _keys_below(inside, f"{above}{name}.{item}")
