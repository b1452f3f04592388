"""The cells of a plan: what is run for each configuration."""

from collections.abc import Iterator, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from ..ceilings._of_world import maker_of
from ..predictors._base import BasePredictor
from ..predictors._facts import FACTS, ROLES
from ._baselines import Baselines
from ._claims import DYNAMICS, REPRESENTATION
from ._cores import Cores
from ._design import Design
from ._given import forgotten
from ._key import arrays_hashed_once, key_of
from ._labels import STRUCTURED
from ._left_alone import LeftAlone
from ._networks import Networks
from ._panel import make_baselines
from ._plan import Cell, Configuration, clock_of, vocabulary_of
from ._prepare import Plan
from ._store import Store
from ._windows import Windows
from ._words import arm_in_words, condition_in_words
from ._work import Work

# Sequences in which networks are left alone, and all that they are compared with, if these see all
# of them anew for each step.
N_SLOW = 32

# Parameters of a model that what its networks are compared with takes over, or has to agree with.
_SEEN = (*FACTS, *ROLES, "time_channel")
_WORDS: dict[type[Work], str] = {
    Baselines: "baselines",
    Windows: "windows of inputs",
    Cores: "random cores",
}


def cell_name(condition: str, settings: Mapping[str, Any]) -> str:
    """Return a name of the fully trained networks of a configuration in a condition."""
    return "/".join([condition, *(f"{name}={value}" for name, value in settings.items())])


def schedule(plan: Plan, known: Sequence[Mapping[int, Any]] = ()) -> list[Cell]:
    """Return the cells of a plan, in an order that does not depend on the number of seeds.

    Parameters
    ----------
    plan : Plan
        The plan.
    known : sequence of dict, default=()
        By seed what was found in each cell of a plan with fewer seeds; () is nothing.

    Returns
    -------
    list of Cell
    """
    alike: dict[Any, list[Configuration]] = {}
    with arrays_hashed_once():
        for configuration in plan.configurations:
            alike.setdefault(_seen_of(configuration), []).append(configuration)
        works = (work for each in alike.values() for work in _works(plan, each))
        return [_cell(plan.store, known[i] if known else {}, *work) for i, work in enumerate(works)]


def _seen_of(configuration: Configuration) -> Any:
    """Return all that what networks are compared with depends on, as what can be compared.

    Configurations that agree in it differ in what only their networks know of.
    """
    facts = {name: vars(_facts_of(model)) for name, model in configuration.models.items()}
    worlds = id(configuration.worlds)
    return worlds, configuration.n_units, configuration.steps_quickly, key_of(facts)


def _facts_of(model: BasePredictor) -> SimpleNamespace:
    """Return what is known of a model by what its networks are compared with, and nothing else."""
    return SimpleNamespace(**{name: getattr(model, name) for name in _SEEN if hasattr(model, name)})


def _cell(
    store: Store,
    known: Mapping[int, Any],
    configurations: Sequence[Configuration],
    work: Work,
    condition: str | None = None,
    mode: str | None = None,
) -> Cell:
    """Return the cell of a work in its condition (None: all) and mode (None: no network)."""
    configuration = configurations[0]
    settings = {
        name: value
        for name, value in configuration.settings.items()
        if all(other.settings[name] is value for other in configurations)
    }
    name = _in_words(work, condition, mode, settings)
    world, model = (each[STRUCTURED] for each in (configuration.worlds, configuration.models))
    about = {"world": type(world).__name__, "model": type(model).__name__, "name": name}
    entry = store.entry(work, about)
    if work.depends_on_all:
        known = {}
    left = [seed for seed in work.left(known) if entry is None or not entry.has(seed)]
    return Cell(
        work,
        [each.index for each in configurations],
        condition,
        mode,
        settings,
        name=name,
        n_updates=getattr(work, "n_updates", 0),
        entry=entry,
        known=known,
        n_left=len(left),
    )


def _works(plan: Plan, alike: Sequence[Configuration]) -> Iterator[tuple[Any, ...]]:
    """Yield what is to be computed for configurations that are alike, its condition and its mode.

    Before the work come those that it is for: of networks one, of what these are compared with all.
    """
    configuration, assessment = alike[0], plan.assessment
    structured, n_units = configuration.worlds[STRUCTURED], configuration.n_units
    design, left_alone = plan.design_of(structured), _left_alone(plan, configuration)
    yield alike, _baselines(plan, configuration, design, left_alone)
    for each in alike:
        for work in _networks(plan, each, design, left_alone):
            yield [each], *work
    model: Any = _facts_of(configuration.models[STRUCTURED])
    clock, n_tokens = clock_of(model), vocabulary_of(model)
    probed = assessment.probe is not None and structured.latent_kind is not None
    if REPRESENTATION in plan.claims and probed and n_units is not None:
        probing = assessment.probe, assessment.n_probe
        yield alike, Windows(design, structured, n_units, clock, n_tokens, *probing), STRUCTURED
    # Softmax heads on many units would cost more than training.
    sizes = () if n_tokens is not None else assessment.reservoir_sizes or ()
    if n_units is not None and len(sizes):
        yield alike, Cores(design, structured, tuple(sizes), clock, left_alone), STRUCTURED


def _baselines(
    plan: Plan, configuration: Configuration, design: Design, left_alone: LeftAlone | None
) -> Baselines:
    """Return the baselines of a configuration, in all conditions."""
    worlds = configuration.worlds
    models: Any = {name: _facts_of(model) for name, model in configuration.models.items()}
    asked, n_units = plan.assessment.baselines, configuration.n_units
    baselines = {
        condition: make_baselines(asked, model, worlds[STRUCTURED], n_units)
        for condition, model in models.items()
    }
    scoring = {
        condition: {name: getattr(model, name, "auto") for name in ("likelihood", "noise_std")}
        for condition, model in models.items()
    }
    makers = {condition: maker_of(world) for condition, world in worlds.items()}
    return Baselines(design, worlds, baselines, plan.candidates, scoring, makers, left_alone)


def _left_alone(plan: Plan, configuration: Configuration) -> LeftAlone | None:
    """Return what predictors are compared with that are left alone, or None."""
    target = plan.flow_target(configuration)
    if target is None or DYNAMICS not in plan.claims:
        return None
    world = configuration.worlds[STRUCTURED]
    maker = maker_of(world) if target == "forecast" else None
    n_sequences = "auto" if configuration.steps_quickly else N_SLOW
    return LeftAlone(world, target, maker, n_sequences)


def _networks(
    plan: Plan, configuration: Configuration, design: Design, left_alone: LeftAlone | None
) -> Iterator[tuple[Networks, str, str]]:
    """Yield the networks of a configuration in each condition and mode."""
    assessment = plan.assessment
    recording: dict[str, Any] = (
        {"record_at": plan.record_at, "measures": plan.measures} if plan.record_at else {}
    )
    for condition, world in configuration.worlds.items():
        trained = assessment._networks.get(cell_name(condition, configuration.settings))
        own = plan.given
        if own is not None and condition != STRUCTURED:
            # Given networks have not learned a null: fresh ones do.
            own = forgotten(own)
        for mode in plan.modes:
            work = Networks(
                design,
                world,
                configuration.models[condition],
                mode,
                assessment.probe,
                assessment.n_probe,
                with_memory="memory" in plan.claims and condition == STRUCTURED,
                # Of a null it is what was trained there that is compared.
                left_alone=left_alone if condition == STRUCTURED or mode == "full" else None,
                trained=trained if mode == "full" else None,
                own=own,
                **recording,
            )
            yield work, condition, mode


def _in_words(
    work: Work, condition: str | None, mode: str | None, settings: Mapping[str, Any]
) -> str:
    """Return what a cell is, in words."""
    what = _WORDS[type(work)] if mode is None else arm_in_words(mode)
    where = [] if condition is None else [condition_in_words(condition)]
    return ", ".join([*where, what, *(f"{name}={value}" for name, value in settings.items())])
