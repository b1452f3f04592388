"""The cells of an assessment: what is run, and where its result belongs."""

from dataclasses import dataclass

from ._alternatives import run_baselines, run_cores, run_windows
from ._cell import run_networks
from ._claims import REPRESENTATION
from ._notes import located
from ._panel import make_baselines
from ._plan import STRUCTURED, clock_of, vocabulary_of
from ._words import arm_in_words, condition_in_words

# What is run beside networks.
_WORDS = {
    "run_baselines": "baselines",
    "run_windows": "windows of inputs",
    "run_cores": "random cores",
}


@dataclass(frozen=True)
class Cell:
    """A unit of work.

    Attributes
    ----------
    condition, mode : int, and int or None
        Its place; the mode is None if no network is trained.
    index : tuple of int
        Its place in the grid.
    n_updates : int
        Updates of the optimiser, of all seeds.
    call : tuple
        Function, arguments and keyword arguments: what is run.
    task : tuple
        The same without store and notes.
    name : str
        What it is, in words.
    stored : bool
        Whether the store has its result.
    """

    condition: int
    mode: int | None
    index: tuple
    n_updates: int
    call: tuple
    task: tuple = ()
    name: str = ""
    stored: bool = False


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
        ``record_at`` and ``measures`` of `run_networks`, if networks are measured in training.
    store : Store
        Where finished cells are kept.

    Returns
    -------
    list of Cell
    """
    structured, model = configuration.worlds[STRUCTURED], configuration.models[STRUCTURED]
    n_train, n_eval = structured.default_split(assessment.n_train, assessment.n_eval)
    shared = {
        "n_seeds": assessment.n_seeds,
        "shared_data": assessment.shared_data,
        "entropy": entropy,
        "n_train": n_train,
        "n_eval": n_eval,
    }
    probing = {"probe": assessment.probe, "n_probe": assessment.n_probe}
    cells = []

    def add(condition, mode, n_updates, function, args, options):
        where = {"condition": condition, **configuration.settings}
        if mode is not None:
            where["mode"] = mode
        task = function, args, options | shared
        call = store.call(*task)
        what = _WORDS[function.__name__] if mode is None else arm_in_words(mode)
        settings = (f"{name}={value}" for name, value in configuration.settings.items())
        name = ", ".join([condition_in_words(condition), what, *settings])
        c = list(configuration.worlds).index(condition)
        m = None if mode is None else modes.index(mode)
        done = store.has(call)
        cells.append(
            Cell(c, m, configuration.index, n_updates, located(where, call), task, name, done)
        )

    for condition, world in configuration.worlds.items():
        cell_model = configuration.models[condition]
        baselines = make_baselines(assessment.baselines, cell_model, structured, n_units)
        scoring = {name: getattr(cell_model, name, "auto") for name in ("likelihood", "noise_std")}
        args = (world, structured, baselines, candidates)
        add(condition, None, 0, run_baselines, args, {"scoring": scoring})
        for mode in modes:
            options = probing | recording
            options["with_memory"] = "memory" in claims and condition == STRUCTURED
            known = assessment._networks.get(cell_name(condition, configuration.settings))
            if mode == "full" and known is not None:
                options["trained"] = known
            # An exact head takes no updates.
            in_closed_form = mode == "readout" and getattr(cell_model, "head", None) == "exact"
            at_rest = mode == "random" or in_closed_form or "trained" in options
            n_updates = 0 if at_rest else getattr(cell_model, "max_steps", 0) * assessment.n_seeds
            add(condition, mode, n_updates, run_networks, (world, cell_model, mode), options)
    clock, n_tokens = clock_of(model), vocabulary_of(model)
    probed = assessment.probe is not None and structured.latent_kind is not None
    if REPRESENTATION in claims and probed and n_units is not None:
        options = probing | {"n_lags": n_units, "time_channel": clock, "n_tokens": n_tokens}
        add(STRUCTURED, None, 0, run_windows, (structured,), options)
    # Softmax heads on many units would cost more than training.
    sizes = () if n_tokens is not None else assessment.reservoir_sizes or ()
    if n_units is not None and len(sizes):
        options = {"sizes": tuple(sizes), "time_channel": clock}
        add(STRUCTURED, None, 0, run_cores, (structured,), options)
    return cells
