"""The cells of a configuration: what is run for it."""

from ._alternatives import Baselines, Cores, Windows
from ._claims import REPRESENTATION
from ._design import Design
from ._labels import STRUCTURED
from ._networks import Networks
from ._panel import make_baselines
from ._plan import Cell, clock_of, vocabulary_of
from ._words import arm_in_words, condition_in_words

_WORDS = {Baselines: "baselines", Windows: "windows of inputs", Cores: "random cores"}


def cell_name(condition, settings):
    """Return a name of the fully trained networks of a configuration in a condition."""
    return "/".join([condition, *(f"{name}={value}" for name, value in settings.items())])


def schedule(
    configuration, n_units, *, modes, claims, assessment, candidates, entropy, recording, store
):
    """Return the cells of one configuration.

    Parameters
    ----------
    configuration : Configuration
        One point of the grid.
    n_units : int or None
        Hidden units of its network; None if the model is no network.
    modes : tuple of str
        Training modes.
    claims : tuple of str
        Claims that are to be tested.
    assessment : EmergenceAssessment
        Its parameters say what to run.
    candidates : list of str
        Names of the baselines among which the reference is chosen.
    entropy : list of int
        Root of all random streams.
    recording : dict
        ``record_at`` and ``measures`` of `Networks`, if networks are measured in training.
    store : Store
        Where finished cells are kept.

    Returns
    -------
    list of Cell
    """
    structured, model = configuration.worlds[STRUCTURED], configuration.models[STRUCTURED]
    sizes = structured.default_split(assessment.n_train, assessment.n_eval)
    design = Design(assessment.n_seeds, *sizes, assessment.shared_data, entropy)
    probing = {"probe": assessment.probe, "n_probe": assessment.n_probe}
    cells = []

    def add(work, condition=None, mode=None):
        entry = store.entry(work)
        cells.append(
            Cell(
                work, configuration.index, condition, mode, configuration.settings,
                _in_words(work, condition, mode, configuration.settings),
                getattr(work, "n_updates", 0), entry, entry is not None and entry.exists(),
            )
        )  # fmt: skip

    add(_baselines(configuration, design, assessment.baselines, candidates, n_units))
    for condition, world in configuration.worlds.items():
        trained = assessment._networks.get(cell_name(condition, configuration.settings))
        for mode in modes:
            work = Networks(
                design, world, configuration.models[condition], mode, **probing, **recording,
                with_memory="memory" in claims and condition == STRUCTURED,
                trained=trained if mode == "full" else None,
            )  # fmt: skip
            add(work, condition, mode)
    clock, n_tokens = clock_of(model), vocabulary_of(model)
    probed = assessment.probe is not None and structured.latent_kind is not None
    if REPRESENTATION in claims and probed and n_units is not None:
        add(Windows(design, structured, n_units, clock, n_tokens, **probing), STRUCTURED)
    # Softmax heads on many units would cost more than training.
    sizes = () if n_tokens is not None else assessment.reservoir_sizes or ()
    if n_units is not None and len(sizes):
        add(Cores(design, structured, tuple(sizes), clock), STRUCTURED)
    return cells


def _baselines(configuration, design, asked, candidates, n_units):
    """Return the baselines of a configuration, in all conditions."""
    structured, models = configuration.worlds[STRUCTURED], configuration.models
    baselines = {
        condition: make_baselines(asked, model, structured, n_units)
        for condition, model in models.items()
    }
    scoring = {
        condition: {name: getattr(model, name, "auto") for name in ("likelihood", "noise_std")}
        for condition, model in models.items()
    }
    return Baselines(design, configuration.worlds, baselines, candidates, scoring)


def _in_words(work, condition, mode, settings):
    """Return what a cell is, in words."""
    what = _WORDS[type(work)] if mode is None else arm_in_words(mode)
    where = [] if condition is None else [condition_in_words(condition)]
    return ", ".join([*where, what, *(f"{name}={value}" for name, value in settings.items())])
