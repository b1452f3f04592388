"""What to run, as data: experiments, protocols, and the tables made of them."""

from dataclasses import dataclass, field

from ..predictors import GRUPredictor, RNNPredictor
from ..predictors._base import BasePredictor
from ..worlds import DriftWorld, LinearSystemWorld, OscillatorWorld, RegimeWorld, World

TABLES = "recurrent-tables"
N_TRAIN, N_EVAL, MAX_STEPS = 20_000, 2_000, 20_000
_SIZES = {"hidden_size": [4, 8, 16, 32]}
_CLOCKS = {"time_channel": ["full_time", "no_time", "constant_time"]}


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
    modes : tuple of str
        Training modes.
    protocols : tuple of str
        Protocols under which it is part of the whole reproduction.
    """

    world_name: str
    model_name: str
    world: World
    model: BasePredictor
    param_grid: dict | None = None
    nulls: tuple = ("resample",)
    modes: tuple = ("full", "readout", "random")
    protocols: tuple = ("published", "corrected")


@dataclass(frozen=True)
class Protocol:
    """How experiments are scored and tested.

    Attributes
    ----------
    description : str
        In a sentence.
    model : dict
        Parameters of the model.
    assessment : dict
        Parameters of the assessment.
    with_nulls : bool
        Whether the nulls of the experiment are run along with it.
    n_seeds : int
        Replicates, unless told otherwise.
    """

    description: str
    model: dict = field(default_factory=dict)
    assessment: dict = field(default_factory=dict)
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
        Its label in the published tables; None if nothing was published.
    figure : str
        Kind of figure: "capacity", "modes" or "decoding".
    """

    title: str
    experiments: tuple
    table: str | None
    figure: str


_MODELS = {"rnn": RNNPredictor(16), "gru": GRUPredictor(16)}
_OSCILLATOR = OscillatorWorld()
_WORLDS = {
    # name: (name in the tables, world, grid, nulls)
    "oscillator": ("oscillator", _OSCILLATOR, _SIZES, ("resample",)),
    "oscillator-time": ("oscillator", _OSCILLATOR, _CLOCKS, ("resample",)),
    "oscillator-nonstationary": (
        "oscillator-nonstationary", OscillatorWorld(omega=(0.8, 1.2)), None, ("resample", "phase"),
    ),
    "oscillator-null": ("oscillator-null", _OSCILLATOR.null("shuffle"), None, ("resample",)),
    "regime-time": ("regime", RegimeWorld(), _CLOCKS, ("resample",)),
    "regime-null": ("regime-null", RegimeWorld().null("bernoulli"), None, ("resample",)),
    "drift": ("drift", DriftWorld(), None, ("resample", "phase")),
}  # fmt: skip
EXPERIMENTS = {
    f"{name}-{model_name}": Experiment(world_name, model_name, world, model, grid, nulls)
    for name, (world_name, world, grid, nulls) in _WORLDS.items()
    for model_name, model in _MODELS.items()
}
# Not in the source: after how many updates do its networks of the regime world look like ours?
EXPERIMENTS |= {
    f"regime-updates-{model_name}": Experiment(
        "regime-updates", model_name, RegimeWorld(), model,
        {"max_steps": [4000, 6000, 8000, 12_000]}, modes=("full",), protocols=("published",),
    )
    for model_name, model in _MODELS.items()
}  # fmt: skip
# Not in a source either: what memory is a trained network worth on a random walk in noise?
EXPERIMENTS |= {
    f"random-walk-{model_name}": Experiment(
        "random-walk", model_name, LinearSystemWorld.random_walk(), model,
        {"world__Q": [1.0, 0.1, 0.01]}, protocols=("corrected",),
    )
    for model_name, model in _MODELS.items()
}  # fmt: skip

PROTOCOLS = {
    "published": Protocol(
        "Gaussian likelihood of standard deviation 0.05 everywhere, the better of persistence and "
        "mean as the reference, data shared by all seeds, 2,000 random sign flips, no correction "
        "for many tests.",
        model={"likelihood": "gaussian", "noise_std": 0.05},
        assessment={
            "reference": ("mean", "persistence"),
            "shared_data": True,
            "n_flips": 2000,
            "correction": None,
        },
        with_nulls=False,
    ),
    "corrected": Protocol(
        "The likelihood of each world, all baselines, a null without memory (and one with the "
        "same spectrum), data of each seed's own, exact tests, corrected over the configurations "
        "of a grid, for which four need seven seeds.",
        n_seeds=7,
    ),
}

RECIPES = {
    "recurrent-table-1": Recipe(
        "RNN of 4 to 32 units in the oscillator world", ("oscillator-rnn",), "1", "capacity"
    ),
    "recurrent-table-2": Recipe(
        "GRU of 4 to 32 units in the oscillator world", ("oscillator-gru",), "2", "capacity"
    ),
    "recurrent-table-3": Recipe(
        "Full training against the readout alone", ("oscillator-gru", "oscillator-rnn"), "3",
        "modes",
    ),
    "recurrent-table-4": Recipe("GRU in the regime world", ("regime-time-gru",), "4", "decoding"),
    "recurrent-table-5": Recipe(
        "Time as an input, oscillator world", ("oscillator-time-rnn", "oscillator-time-gru"), "5",
        "modes",
    ),
    "recurrent-table-6": Recipe(
        "Time as an input, regime world", ("regime-time-rnn", "regime-time-gru"), "6", "modes"
    ),
    "recurrent-text": Recipe(
        "Numbers quoted in the text: nonstationary oscillator and nulls",
        (
            "oscillator-nonstationary-rnn", "oscillator-nonstationary-gru", "oscillator-null-rnn",
            "oscillator-null-gru", "regime-null-rnn",
        ),
        "text", "modes",
    ),
    "recurrent-drift": Recipe(
        "Drift world, never published", ("drift-rnn", "drift-gru"), None, "modes"
    ),
    "random-walk": Recipe(
        "Networks on a random walk in noise", ("random-walk-rnn", "random-walk-gru"), None,
        "capacity",
    ),
    "recurrent-updates": Recipe(
        "Gain after fewer updates, regime world",
        ("regime-updates-rnn", "regime-updates-gru"), None, "capacity",
    ),
    "recurrent-figure-1": Recipe(
        "Capacity against predictive gain in the oscillator world",
        ("oscillator-rnn", "oscillator-gru"), None, "capacity",
    ),
    "recurrent-figure-2": Recipe(
        "Geometry against dynamics in the oscillator worlds, RNN",
        ("oscillator-rnn", "oscillator-nonstationary-rnn", "oscillator-null-rnn"), None,
        "decoding",
    ),
    "recurrent-figure-3": Recipe(
        "Decoding of the regime and predictive gain",
        ("regime-time-rnn", "regime-time-gru", "regime-null-rnn", "regime-null-gru"), None,
        "decoding",
    ),
}  # fmt: skip
