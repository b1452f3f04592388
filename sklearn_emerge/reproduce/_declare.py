"""What an experiment, a protocol and a recipe are."""

from dataclasses import dataclass, field
from typing import Any

from ..predictors._base import BasePredictor
from ..worlds import World


@dataclass(frozen=True)
class Experiment:
    """An assessment of one model in one world.

    Attributes
    ----------
    world_name, model_name : str
        Names in the published tables.
    world : World
        The world, or the null that takes its place.
    model : BasePredictor
        The model.
    param_grid : dict or None
        As in `EmergenceAssessment`.
    nulls : tuple of str
        Nulls of the corrected protocol.
    modes : tuple of str or None
        Training modes; None is those of the protocol.
    protocols : tuple of str
        Protocols under which it is part of the whole reproduction.
    options : dict
        Further parameters of the assessment, numbers of sequences for instance.
    default_protocol : str
        Protocol under which it is run unless told otherwise: "published" where its source says how
        it was scored, "corrected" where everything is ours.
    """

    world_name: str
    model_name: str
    world: World
    model: BasePredictor
    param_grid: dict[str, Any] | None = None
    nulls: tuple[str, ...] = ("resample",)
    modes: tuple[str, ...] | None = None
    protocols: tuple[str, ...] = ("published", "corrected")
    options: dict[str, Any] = field(default_factory=lambda: {"n_train": 20_000, "n_eval": 2_000})
    default_protocol: str = "published"


@dataclass(frozen=True)
class Protocol:
    """How experiments are scored and tested.

    Attributes
    ----------
    description : str
        In a sentence.
    model : dict
        Parameters of a model of quantities or of zeros and ones.
    assessment : dict
        Parameters of the assessment.
    quantities : dict
        Further ones for worlds of quantities or of zeros and ones.
    modes : tuple of str
        Training modes, where the experiment does not say.
    with_nulls : bool
        Whether the nulls of the experiment are run along with it.
    n_seeds : int
        Replicates, unless told otherwise.
    """

    description: str
    model: dict[str, Any] = field(default_factory=dict)
    assessment: dict[str, Any] = field(default_factory=dict)
    quantities: dict[str, Any] = field(default_factory=dict)
    modes: tuple[str, ...] = ("full", "readout")
    with_nulls: bool = True
    n_seeds: int = 5


@dataclass(frozen=True)
class Recipe:
    """A table or figure of a source.

    Attributes
    ----------
    title : str
        What it shows.
    experiments : tuple of str
        Names of the experiments it is made of.
    table : str or None
        What was published: a table of *Emergence Without Scale* ("1" to "6", "text"), or a figure
        or table of *Scaling Down Transformers* ("triangle-fig2c", ...); None if nothing was.
    figure : str
        Kind of figure: "capacity", "modes", "decoding", "trajectory", "sparse", "emergence" or
        "anatomy".
    """

    title: str
    experiments: tuple[str, ...]
    table: str | None
    figure: str
