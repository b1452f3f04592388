"""The trained networks of the reproduction: their weights in files, and what is made of them."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from .._files import read_sealed, seal, write_atomically
from .._random import integer_seed, seed_sequence, substream
from .._typing import PathLike
from ..assessment._grid import read_grid
from ..assessment._plan import expand
from ..assessment._schedule import cell_name
from ..predictors._fit import fit_replicas
from ..predictors._scale import spread_known
from ._recipes import EXPERIMENTS

if TYPE_CHECKING:
    from ..assessment._plan import Configuration
    from ..predictors import BasePredictor
    from ._declare import Experiment

# Root of all randomness of the reproduction.
# Arrays of a network by name, and its curve of the training loss.
Weights = dict[str, NDArray[Any]]
ENTROPY = seed_sequence(0).generate_state(4).tolist()


def load_networks(
    name: str, *, condition: str = "structured", seeds: Sequence[int] = (0,), **settings: Any
) -> list[BasePredictor]:
    """Return trained networks of the reproduction under the corrected protocol.

    They are those of the cubes: of the published sizes, trained by 20,000 updates on 20,000
    sequences, with heads in closed form. What is fitted to these sequences besides (scaling, head,
    noise) is fitted again, which takes some seconds a network.

    Parameters
    ----------
    name : str
        Name of the experiment, such as "oscillator-gru".
    condition : str, default="structured"
        The structured world, or the name of a null of the experiment.
    seeds : sequence of int, default=(0,)
        Which replicates, of 0 to 6.
    **settings
        A value for each parameter of the grid of the experiment, such as ``hidden_size=16``.

    Returns
    -------
    list of predictor
        Fitted, one a seed.

    Raises
    ------
    ValueError
        If there is no such network, or its file is damaged.

    Examples
    --------
    >>> from sklearn_emerge.reproduce import load_networks
    >>> load_networks("drift-gru", condition="shuffle")
    Traceback (most recent call last):
        ...
    ValueError: There is no network 'shuffle' of 'drift-gru'; there are structured, resample, phase.
    """
    folder = files("sklearn_emerge._networks")
    known = sorted(entry.name[:-4] for entry in folder.iterdir() if entry.name.endswith(".npz"))
    if name not in known:
        raise ValueError(f"name={name!r} has no trained networks; those are {', '.join(known)}.")
    cells, wanted = read_networks(str(folder / f"{name}.npz")), cell_name(condition, settings)
    if wanted not in cells:
        raise ValueError(
            f"There is no network {wanted!r} of {name!r}; there are {', '.join(cells)}."
        )
    if not set(seeds) <= set(range(len(cells[wanted]))) or not len(seeds):
        raise ValueError(f"seeds={seeds!r} must be out of 0 to {len(cells[wanted]) - 1}.")
    experiment = EXPERIMENTS[name]
    for configuration in _configurations(experiment):
        if cell_name(condition, configuration.settings) == wanted:
            break
    world, model = configuration.worlds[condition], configuration.models[condition]
    splits = world.splits(max(seeds) + 1, *_sizes(experiment), substream(ENTROPY, "data"))
    with spread_known(world.recorded_spread):
        return fit_replicas(
            clone(model).set_params(training="full"),
            [splits[seed][0].X for seed in seeds],
            [integer_seed(substream(ENTROPY, "model", seed)) for seed in seeds],
            trained=[cells[wanted][seed] for seed in seeds],
        )


def read_networks(path: PathLike) -> dict[str, list[Weights]]:
    """Return the networks in a file: by cell, a list over seeds of states.

    Parameters
    ----------
    path : path-like
        Written by `write_networks`.

    Returns
    -------
    dict of str to list of dict

    Raises
    ------
    ValueError
        If it is damaged.
    """
    with np.load(BytesIO(read_sealed(path)), allow_pickle=False) as arrays:
        cells: dict[str, dict[int, Weights]] = {}
        for name in arrays.files:
            cell, seed, part = name.rsplit("/", 2)
            seeds = cells.setdefault(cell, {})
            seeds.setdefault(int(seed), {})[part] = arrays[name]
    return {cell: [seeds[i] for i in range(len(seeds))] for cell, seeds in cells.items()}


def write_networks(path: PathLike, cells: Mapping[str, Sequence[Weights]]) -> None:
    """Write networks to a file, compressed, with its SHA-256 at the end.

    Parameters
    ----------
    path : path-like
        The file.
    cells : dict of str to list of dict
        By cell, a list over seeds of states, as `train_networks` returns them.
    """
    content = BytesIO()
    arrays: dict[str, Any] = {
        f"{cell}/{seed}/{part}": values
        for cell, seeds in cells.items()
        for seed, state in enumerate(seeds)
        for part, values in state.items()
    }
    np.savez_compressed(content, **arrays)
    write_atomically(Path(path), *seal(content.getvalue()))


def train_networks(
    name: str, known: Container[str] = (), n_seeds: int = 7
) -> Iterator[tuple[str, list[Weights]]]:
    """Train the networks of an experiment under the corrected protocol, one cell after the other.

    Parameters
    ----------
    name : str
        Name of the experiment.
    known : sequence of str, default=()
        Cells to leave out.
    n_seeds : int, default=7
        Replicates.

    Yields
    ------
    cell : str
        Its name.
    states : list of dict
        Over seeds: the state of the network, with the head that training gave it, and its
        ``training_loss``.
    """
    experiment = EXPERIMENTS[name]
    seeds = [integer_seed(substream(ENTROPY, "model", seed)) for seed in range(n_seeds)]
    for configuration in _configurations(experiment):
        for condition, world in configuration.worlds.items():
            cell = cell_name(condition, configuration.settings)
            if cell in known:
                continue
            splits = world.splits(n_seeds, *_sizes(experiment), substream(ENTROPY, "data"))
            model = clone(configuration.models[condition])
            # A head in closed form would take the place of the one that was trained.
            model.set_params(training="full", head="sgd")
            with spread_known(world.recorded_spread):
                fitted = fit_replicas(model, [train.X for train, _ in splits], seeds)
            yield cell, [_state_of(predictor) for predictor in fitted]


def _state_of(predictor: Any) -> Weights:
    """Return what is kept of a network."""
    state = {name: w.numpy() for name, w in predictor.network_.state_dict().items()}
    return state | {"training_loss": predictor.training_loss_}


def _configurations(experiment: Experiment) -> list[Configuration]:
    grid = read_grid(experiment.param_grid)
    return expand(experiment.world, experiment.model, grid, experiment.nulls)


def _sizes(experiment: Experiment) -> tuple[int, int]:
    return experiment.world.default_split(
        experiment.options.get("n_train"), experiment.options.get("n_eval")
    )
