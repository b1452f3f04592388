"""Everything that can be run by name, as data."""

from . import _anatomy, _emergence, _recurrent, _triangle
from ._declare import Protocol, Recipe

EXPERIMENTS = (
    _recurrent.EXPERIMENTS | _triangle.EXPERIMENTS | _emergence.EXPERIMENTS | _anatomy.EXPERIMENTS
)

PROTOCOLS = {
    "published": Protocol(
        "Gaussian likelihood of standard deviation 0.05 everywhere, heads by gradient descent, the "
        "better of persistence and mean as the reference, data shared by all seeds, 2,000 random "
        "sign flips, no correction for many tests, operators by their loss alone.",
        model={"likelihood": "gaussian", "noise_std": 0.05, "head": "sgd"},
        assessment={
            "reference": ("mean", "persistence"),
            "shared_data": True,
            "n_flips": 2000,
            "correction": None,
            "reservoir_sizes": None,
            "operator_evidence": "loss",
        },
        quantities={"baselines": ("mean", "step_mean", "persistence", "markov", "autoregressive")},
        modes=("full", "readout", "random"),
        with_nulls=False,
    ),
    "corrected": Protocol(
        "The likelihood of each world, heads in closed form (but for tokens), all baselines, a "
        "null without memory (and one with the same spectrum), data of each seed's own, exact "
        "tests, corrected over the configurations of a grid, for which four need seven seeds.",
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
        "Full training against the readout alone",
        ("oscillator-gru", "oscillator-rnn"),
        "3",
        "modes",
    ),
    "recurrent-table-4": Recipe("GRU in the regime world", ("regime-time-gru",), "4", "decoding"),
    "recurrent-table-5": Recipe(
        "Time as an input, oscillator world",
        ("oscillator-time-rnn", "oscillator-time-gru"),
        "5",
        "modes",
    ),
    "recurrent-table-6": Recipe(
        "Time as an input, regime world", ("regime-time-rnn", "regime-time-gru"), "6", "modes"
    ),
    "recurrent-text": Recipe(
        "Numbers quoted in the text: nonstationary oscillator and nulls",
        (
            "oscillator-nonstationary-rnn",
            "oscillator-nonstationary-gru",
            "oscillator-null-rnn",
            "oscillator-null-gru",
            "regime-null-rnn",
        ),
        "text",
        "modes",
    ),
    "recurrent-drift": Recipe(
        "Drift world, never published", ("drift-rnn", "drift-gru"), None, "modes"
    ),
    "triangle-figure-2a": Recipe(
        "50 examples of A->C alone, for 100 updates and for 900",
        ("triangle-2a", "triangle-2a-fair"),
        "triangle-fig2a",
        "trajectory",
    ),
    "triangle-figure-2b": Recipe(
        "A->B and B->C, no example of A->C", ("triangle-2b",), "triangle-fig2b", "trajectory"
    ),
    "triangle-figure-2c": Recipe(
        "A->B and B->C, 50 examples of A->C", ("triangle-2c",), "triangle-fig2c", "trajectory"
    ),
    "triangle-table-1": Recipe(
        "Four languages, three sparse tasks, small transformer",
        ("triangle-table-1",),
        "triangle-table1",
        "trajectory",
    ),
    "triangle-table-1-full": Recipe(
        "Four languages, three sparse tasks, 34 million parameters (for a GPU)",
        ("triangle-table-1-full",),
        "triangle-table1",
        "trajectory",
    ),
    "triangle-sparse": Recipe(
        "A->C by the number of its examples, with and without tasks that it follows from",
        ("triangle-sparse-transformer", "triangle-sparse-gru", "triangle-sparse-rnn"),
        None,
        "sparse",
    ),
    "emergence-sweep": Recipe(
        "Nested conditionals: context and heads of a small transformer",
        ("emergence-sweep",),
        None,
        "emergence",
    ),
    "emergence-student": Recipe(
        "One conditional: width of a small transformer", ("emergence-student",), None, "emergence"
    ),
    "emergence-heads": Recipe(
        "One conditional: width and heads", ("emergence-heads",), None, "emergence"
    ),
    "emergence-complexity": Recipe(
        "One conditional: width and number of cases, single and half precision",
        ("emergence-complexity", "emergence-precision"),
        None,
        "emergence",
    ),
    "anatomy": Recipe(
        "What answers, states and the loss do while eight tasks are learned",
        ("anatomy",),
        None,
        "anatomy",
    ),
    "anatomy-quick": Recipe(
        "The same, of a small network at two levels, in minutes",
        ("anatomy-quick",),
        None,
        "anatomy",
    ),
    "anatomy-sizes": Recipe(
        "Answers and states at four sizes",
        tuple(name for name in _anatomy.EXPERIMENTS if name.startswith("anatomy-sizes-")),
        None,
        "anatomy",
    ),
    "anatomy-ladder": Recipe(
        "Six sizes up to 85 million parameters (for a GPU)",
        tuple(name for name in _anatomy.EXPERIMENTS if name.startswith("anatomy-ladder-")),
        None,
        "anatomy",
    ),
    "random-walk": Recipe(
        "Networks on a random walk in noise",
        ("random-walk-rnn", "random-walk-gru"),
        None,
        "capacity",
    ),
    "recurrent-updates": Recipe(
        "Gain after fewer updates, regime world",
        ("regime-updates-rnn", "regime-updates-gru"),
        None,
        "capacity",
    ),
    "recurrent-figure-1": Recipe(
        "Capacity against predictive gain in the oscillator world",
        ("oscillator-rnn", "oscillator-gru"),
        None,
        "capacity",
    ),
    "recurrent-figure-2": Recipe(
        "Geometry against dynamics in the oscillator worlds, RNN",
        ("oscillator-rnn", "oscillator-nonstationary-rnn", "oscillator-null-rnn"),
        None,
        "decoding",
    ),
    "recurrent-figure-3": Recipe(
        "Decoding of the regime and predictive gain",
        ("regime-time-rnn", "regime-time-gru", "regime-null-rnn", "regime-null-gru"),
        None,
        "decoding",
    ),
}
