"""Loaders: sequences with known latents, and the published tables to compare with."""

from collections.abc import Mapping, Sequence
from importlib.resources import files
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike, NDArray

from ._typing import RandomState
from .worlds import (
    AlgorithmicWorld,
    DriftWorld,
    LinearSystemWorld,
    NestedConditionalWorld,
    OscillatorWorld,
    RegimeWorld,
    TriangleWorld,
    World,
)
from .worlds._sample import Sample

__all__ = [
    "load_published",
    "make_algorithmic",
    "make_drift",
    "make_linear_system",
    "make_nested_conditional",
    "make_oscillator",
    "make_regime",
    "make_triangle",
]

# Sequences with all that is known of them, or a pair of sequences and latents.
Drawn = Sample | tuple[NDArray[Any], NDArray[Any] | None]


def make_algorithmic(
    n_sequences: int = 100,
    *,
    tasks: Sequence[str] = ("COPY", "REV", "CMP", "PAR", "ADD", "MOD", "SORT", "MUL"),
    levels: Sequence[int] = (1, 2, 3),
    sizes: Mapping[str, Sequence[Any]] | None = None,
    weights: Mapping[str, float] | None = None,
    row_length: int = 20,
    digit_order: str = "most_significant",
    random_state: RandomState = None,
    return_X_latents: bool = False,
) -> Drawn:
    """Sample tasks on digits and their answers; see `AlgorithmicWorld`.

    Parameters
    ----------
    n_sequences : int, default=100
        Number of rows, an instance each.
    tasks : sequence of str, \
            default=("COPY", "REV", "CMP", "PAR", "ADD", "MOD", "SORT", "MUL")
        The tasks that are written.
    levels : sequence of int, default=(1, 2, 3)
        The levels that are written.
    sizes : dict of str to sequence, default=None
        Sizes of some tasks at the levels 1, 2 and 3.
    weights : dict of str to float, default=None
        How often some tasks are written, relative to 1.
    row_length : int, default=20
        Tokens of a row.
    digit_order : {"most_significant", "least_significant"}, default="most_significant"
        Which digit of the answers of ADD, MOD and MUL comes first.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the draws.
    return_X_latents : bool, default=False
        Return ``(X, latents)`` instead of a Sample.

    Returns
    -------
    Sample or (X, latents)
        ``X`` of shape (n_sequences, row_length), tokens; ``latents`` is None. The Sample has
        ``scored``, where the answers are, and ``task`` and ``level`` of each row, too.

    Raises
    ------
    ValueError
        If a task, a level or a size is not known, or an instance does not fit the row.

    Examples
    --------
    >>> from sklearn_emerge.datasets import make_algorithmic
    >>> sample = make_algorithmic(4, random_state=0)
    >>> sample.X.shape, sample.task.tolist()
    ((4, 20), ['PAR', 'MOD', 'COPY', 'REV'])
    """
    world = AlgorithmicWorld(
        tasks,
        levels,
        sizes=sizes,
        weights=weights,
        row_length=row_length,
        digit_order=digit_order,
    )
    return _load(world, n_sequences, random_state, return_X_latents)


def make_drift(
    n_sequences: int = 100,
    *,
    n_steps: int = 64,
    velocity: float = 0.03,
    dynamics_std: float = 0.005,
    observation_std: float = 0.02,
    random_state: RandomState = None,
    return_X_latents: bool = False,
) -> Drawn:
    """Sample a noisy walk with drift; see `DriftWorld`.

    Parameters
    ----------
    n_sequences : int, default=100
        Number of sequences.
    n_steps : int, default=64
        Length of a sequence.
    velocity : float, default=0.03
        Drift per step.
    dynamics_std : float, default=0.005
        Standard deviation of the process noise per step.
    observation_std : float, default=0.02
        Standard deviation of the observation noise.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the draws.
    return_X_latents : bool, default=False
        Return ``(X, latents)`` instead of a Sample.

    Returns
    -------
    Sample or (X, latents)
        ``X`` of shape (n_sequences, n_steps), ``latents`` of shape (n_sequences, n_steps, 1).

    Examples
    --------
    >>> from sklearn_emerge.datasets import make_drift
    >>> X, latents = make_drift(5, random_state=0, return_X_latents=True)
    >>> X.shape, latents.shape
    ((5, 64), (5, 64, 1))
    """
    world = DriftWorld(velocity, dynamics_std, observation_std, n_steps)
    return _load(world, n_sequences, random_state, return_X_latents)


def make_linear_system(
    A: ArrayLike = 1.0,
    C: ArrayLike = 1.0,
    Q: ArrayLike = 0.1,
    R: ArrayLike = 1.0,
    n_sequences: int = 100,
    *,
    n_steps: int = 100,
    initial: str | ArrayLike = "steady",
    random_state: RandomState = None,
    return_X_latents: bool = False,
) -> Drawn:
    """Sample a linear Gaussian system; see `LinearSystemWorld`.

    Parameters
    ----------
    A : float or array-like of shape (n_states, n_states), default=1.0
        Transition matrix.
    C : float or array-like of shape (n_states,) or (n_channels, n_states), default=1.0
        Observation matrix.
    Q : float or array-like of shape (n_states, n_states), default=0.1
        Covariance of the process noise.
    R : float or array-like of shape (n_channels, n_channels), default=1.0
        Covariance of the observation noise.
    n_sequences : int, default=100
        Number of sequences.
    n_steps : int, default=100
        Length of a sequence.
    initial : {"steady", "zero"}, float or array-like, default="steady"
        Covariance of the first state.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the draws.
    return_X_latents : bool, default=False
        Return ``(X, latents)`` instead of a Sample.

    Returns
    -------
    Sample or (X, latents)
        ``X`` of shape (n_sequences, n_steps) or, if C has several rows, (n_sequences, n_steps,
        n_channels); ``latents`` of shape (n_sequences, n_steps, n_states).

    Raises
    ------
    ValueError
        If the matrices do not describe a system, see `LinearSystemWorld`.

    Examples
    --------
    >>> from sklearn_emerge.datasets import make_linear_system
    >>> make_linear_system([[1.0, 1.0], [0.0, 1.0]], [1.0, 0.0], random_state=0).latents.shape
    (100, 100, 2)
    """
    world = LinearSystemWorld(A, C, Q, R, n_steps, initial=initial)
    return _load(world, n_sequences, random_state, return_X_latents)


def make_nested_conditional(
    n_sequences: int = 100,
    *,
    depth: int = 3,
    branching: int = 2,
    difficulty: float = 1.0,
    alias_share: float = 0.25,
    n_keys: int = 7,
    n_tokens: int = 256,
    row_length: int = 128,
    random_state: RandomState = None,
    return_X_latents: bool = False,
) -> Drawn:
    """Sample nested conditionals and their answers; see `NestedConditionalWorld`.

    Parameters
    ----------
    n_sequences : int, default=100
        Number of rows, an instance each.
    depth : int, default=3
        Levels of nested conditionals, at most.
    branching : int, default=2
        Cases of each conditional.
    difficulty : float, default=1.0
        From 0, one conditional and no aliases, to 1.
    alias_share : float, default=0.25
        Share of aliases among keys where the difficulty is 1.
    n_keys : int, default=7
        Number of keys.
    n_tokens : int, default=256
        Size of the vocabulary.
    row_length : int, default=128
        Tokens of a row.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the draws.
    return_X_latents : bool, default=False
        Return ``(X, latents)`` instead of a Sample.

    Returns
    -------
    Sample or (X, latents)
        ``X`` of shape (n_sequences, row_length), tokens; ``latents`` of shape (n_sequences,
        row_length, 1), the value of the first condition. The Sample has ``scored``, where the
        answers are, and facts about each row such as ``depth`` and ``lookups``, too.

    Raises
    ------
    ValueError
        If an instance does not fit the row or the vocabulary.

    Examples
    --------
    >>> from sklearn_emerge.datasets import make_nested_conditional
    >>> sample = make_nested_conditional(5, difficulty=0.5, random_state=0)
    >>> sample.X.shape, sample.depth
    ((5, 128), array([3, 3, 2, 1, 2]))
    """
    world = NestedConditionalWorld(
        depth,
        branching,
        difficulty,
        alias_share=alias_share,
        n_keys=n_keys,
        n_tokens=n_tokens,
        row_length=row_length,
    )
    return _load(world, n_sequences, random_state, return_X_latents)


def make_oscillator(
    n_sequences: int = 100,
    *,
    n_steps: int = 256,
    omega: float | tuple[float, float] = 1.0,
    time_step: float = 0.05,
    initial_std: float = 0.1,
    observation_std: float = 0.05,
    random_state: RandomState = None,
    return_X_latents: bool = False,
) -> Drawn:
    """Sample a noisily observed nonlinear oscillator; see `OscillatorWorld`.

    Parameters
    ----------
    n_sequences : int, default=100
        Number of sequences.
    n_steps : int, default=256
        Length of a sequence.
    omega : float or pair of float, default=1.0
        Angular frequency; a pair makes it change linearly over the sequence.
    time_step : float, default=0.05
        Length of an Euler step in units of time.
    initial_std : float, default=0.1
        Standard deviation of both coordinates at the start.
    observation_std : float, default=0.05
        Standard deviation of the observation noise.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the draws.
    return_X_latents : bool, default=False
        Return ``(X, latents)`` instead of a Sample.

    Returns
    -------
    Sample or (X, latents)
        ``X`` of shape (n_sequences, n_steps), ``latents`` of shape (n_sequences, n_steps, 2).

    Examples
    --------
    >>> from sklearn_emerge.datasets import make_oscillator
    >>> make_oscillator(5, n_steps=100, random_state=0).X.shape
    (5, 100)
    """
    world = OscillatorWorld(omega, time_step, initial_std, observation_std, n_steps)
    return _load(world, n_sequences, random_state, return_X_latents)


def make_regime(
    n_sequences: int = 100,
    *,
    n_steps: int = 128,
    period: int = 32,
    stay_probability: tuple[float, float] = (0.9, 0.6),
    random_state: RandomState = None,
    return_X_latents: bool = False,
) -> Drawn:
    """Sample a binary chain with a hidden regime; see `RegimeWorld`.

    Parameters
    ----------
    n_sequences : int, default=100
        Number of sequences.
    n_steps : int, default=128
        Length of a sequence.
    period : int, default=32
        Steps between flips of the regime.
    stay_probability : pair of float, default=(0.9, 0.6)
        Probability that the state stays the same in regime 0 and in regime 1.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the draws.
    return_X_latents : bool, default=False
        Return ``(X, latents)`` instead of a Sample.

    Returns
    -------
    Sample or (X, latents)
        ``X`` of shape (n_sequences, n_steps), zeros and ones; ``latents`` of shape
        (n_sequences, n_steps, 1), integers.

    Examples
    --------
    >>> from sklearn_emerge.datasets import make_regime
    >>> make_regime(5, random_state=0).latents.shape
    (5, 128, 1)
    """
    world = RegimeWorld(period, stay_probability, n_steps)
    return _load(world, n_sequences, random_state, return_X_latents)


def make_triangle(
    n_sequences: int = 100,
    *,
    n_languages: int = 3,
    n_words: int = 8,
    examples: Mapping[str, int] | None = None,
    tokens_per_word: int = 1,
    random_state: RandomState = None,
    return_X_latents: bool = False,
) -> Drawn:
    """Sample translations between artificial languages; see `TriangleWorld`.

    Parameters
    ----------
    n_sequences : int, default=100
        Number of rows.
    n_languages : int, default=3
        Number of languages, named A, B, C, ...
    n_words : int, default=8
        Words of each.
    examples : dict of str to int, default=None
        Instances of each task, whose proportions count; None is {"A->B": 2500, "B->C": 2500,
        "A->C": 50}.
    tokens_per_word : {1, 2}, default=1
        2 writes a space mark before each word, as *Scaling Down Transformers* does.
    random_state : int, Generator, SeedSequence or None, default=None
        The stream of the draws.
    return_X_latents : bool, default=False
        Return ``(X, latents)`` instead of a Sample.

    Returns
    -------
    Sample or (X, latents)
        ``X`` of shape (n_sequences, 46), tokens; ``latents`` of shape (n_sequences, 46, 1), the
        task of each token. The Sample has ``scored``, the tokens that follow from their row, too.

    Examples
    --------
    >>> from sklearn_emerge.datasets import make_triangle
    >>> make_triangle(5, random_state=0).X.shape
    (5, 46)
    """
    world = TriangleWorld(n_languages, n_words, examples, tokens_per_word=tokens_per_word)
    return _load(world, n_sequences, random_state, return_X_latents)


def load_published(name: str) -> pd.DataFrame:
    """Load figures that a paper reports.

    Parameters
    ----------
    name : {"linear-systems-figure1", "recurrent-tables", "triangle-fig2a", "triangle-fig2b", \
            "triangle-fig2c", "triangle-fig2c-epoch-loss", "triangle-table1", "triangle-exp32-loss"}
        "linear-systems-figure1": Figure 1 of *State space models, emergence, and ergodicity*,
        log(1 + risk averaged over the horizon) against the size of the fitted block, derived in
        closed form and rounded to two decimals, not read from the figure.
        "recurrent-tables": Tables 1 to 6 and the figures quoted in the text of *Emergence
        Without Scale*, five seeds and 20,000 updates each. Gains (`delta_nll`) are in nats per
        step under a Gaussian of standard deviation 0.05. `delta_nll_seed_std` is the population
        standard deviation over the five seeds in the authors' run log, which is not in the
        paper.
        "triangle-fig2a" to "triangle-fig2c", "triangle-exp32-loss": what the notebooks of *Scaling
        Down Transformers* print for each epoch, the share of right words in five queries a task
        and a running average of the loss, in nats per token, one run each.
        "triangle-fig2c-epoch-loss": mean loss of some epochs of the same run as Figure 2c.
        "triangle-table1": its Table 1.

    Returns
    -------
    pandas.DataFrame
        One row a published figure.

    Raises
    ------
    ValueError
        If there is no such table.

    Examples
    --------
    >>> from sklearn_emerge.datasets import load_published
    >>> tables = load_published("recurrent-tables")
    >>> tables.query("table == '3' and model == 'gru'")[["mode", "delta_nll"]]
           mode  delta_nll
    8      full     0.6709
    9   readout     0.3431
    """
    folder = files("sklearn_emerge._published")
    known = sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".csv"))
    if name not in known:
        raise ValueError(f"name={name!r} is not a published table; known are {', '.join(known)}.")
    with (folder / f"{name}.csv").open(encoding="utf-8") as file:
        return pd.read_csv(file, dtype={"table": str})


def _load(
    world: World, n_sequences: int, random_state: RandomState, return_X_latents: bool
) -> Drawn:
    sample = world.sample(n_sequences, random_state)
    return (sample.X, sample.latents) if return_X_latents else sample
