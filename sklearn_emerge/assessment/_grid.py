"""The points of a grid: all combinations of values, or draws from distributions."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from scipy.stats import qmc, rv_continuous, rv_discrete

from ._cube import VARIABLES
from ._labels import RESERVED, check_values, coordinate

# The dimension along which configurations lie that are drawn.
CONFIGURATION = "configuration"


@dataclass(frozen=True)
class Grid:
    """The values of the parameters that are varied.

    Attributes
    ----------
    values : dict of str to list
        By key, the values that are combined; or, if they are drawn, that of each configuration.
    drawn : bool
        Whether they are drawn.
    """

    values: dict[str, list[Any]] = field(default_factory=dict)
    drawn: bool = False

    @property
    def labels(self) -> dict[str, NDArray[Any]]:
        """The dimensions along which configurations lie, and their labels."""
        if self.drawn:
            return {CONFIGURATION: np.arange(len(next(iter(self.values.values()))))}
        return {key: coordinate(values) for key, values in self.values.items()}

    @property
    def coords(self) -> dict[str, tuple[str, NDArray[Any]]]:
        """What is known of drawn configurations besides their numbers: their parameters."""
        if not self.drawn:
            return {}
        return {key: (CONFIGURATION, coordinate(each)) for key, each in self.values.items()}

    def points(self) -> Iterator[tuple[tuple[int, ...], dict[str, Any], dict[str, Any]]]:
        """Yield of each configuration its place, its parameters, and what it is called by.

        The last are its parameters, too, after its number if it was drawn.
        """
        places = [range(len(labels)) for labels in self.labels.values()]
        for index in product(*places):
            each = index * len(self.values) if self.drawn else index
            pairs = zip(self.values.items(), each, strict=True)
            parameters = {key: values[i] for (key, values), i in pairs}
            number = {CONFIGURATION: index[0]} if self.drawn else {}
            yield index, parameters, number | parameters


def read_grid(
    param_grid: Mapping[str, Any] | None,
    n_configurations: int | None = None,
    sampling: Literal["random", "sobol"] = "random",
    stream: np.random.SeedSequence | None = None,
) -> Grid:
    """Return the points of a grid.

    Parameters
    ----------
    param_grid : dict of str to sequence or distribution, or None
        As in `EmergenceAssessment`.
    n_configurations : int or None, default=None
        How many are drawn, if there is a distribution.
    sampling : {"random", "sobol"}, default="random"
        How they are drawn.
    stream : SeedSequence, default=None
        Where their randomness comes from.

    Returns
    -------
    Grid

    Raises
    ------
    ValueError
        If a key cannot be a name, values cannot be labels, or what is drawn, or how often, is not
        clear.
    """
    grid: dict[str, Any] = dict(param_grid or {})
    keys: dict[tuple[str, str], str] = {}
    for key, values in grid.items():
        if not isinstance(key, str):
            raise ValueError(f"param_grid key {key!r} must be text, the name of a parameter.")
        if key in RESERVED or key in VARIABLES:
            kind = "dimension" if key in RESERVED else "variable"
            raise ValueError(
                f"param_grid key {key!r} is the name of a {kind} of the cube; write "
                f"'model__{key}' or 'world__{key}'."
            )
        grid[key] = values if is_distribution(key, values) else check_values(key, values)
        other = keys.setdefault(parameter_of(key), key)
        if other != key:
            raise ValueError(
                f"param_grid keys {other!r} and {key!r} are the same parameter; drop one."
            )
    distributions = [key for key, values in grid.items() if is_distribution(key, values)]
    if not distributions and n_configurations is not None:
        raise ValueError(
            f"n_configurations={n_configurations}, but param_grid has no distribution to draw "
            "from: all combinations of its values are assessed. Leave n_configurations out, or "
            "pass a distribution such as scipy.stats.loguniform(1e-4, 1e-2)."
        )
    if not distributions:
        return Grid(grid)
    if n_configurations is None:
        raise ValueError(
            f"param_grid[{distributions[0]!r}] is a distribution, but n_configurations is None; "
            "say how many configurations are drawn, for instance n_configurations=20."
        )
    return Grid(_draw(grid, n_configurations, sampling, np.random.default_rng(stream)), drawn=True)


def is_distribution(key: str, values: object) -> bool:
    """Return whether values are a frozen distribution; refuse one without its parameters."""
    if isinstance(values, rv_continuous | rv_discrete):
        raise ValueError(
            f"param_grid[{key!r}] is the distribution {values.name} without parameters; pass it "
            "with them, for instance scipy.stats.loguniform(1e-4, 1e-2)."
        )
    return isinstance(getattr(values, "dist", None), rv_continuous | rv_discrete)


def distribution_in_words(distribution: Any) -> str:
    """Return how a frozen distribution was written, for instance "loguniform(0.0001, 0.01)"."""
    parts = [*map(repr, distribution.args), *(f"{k}={v!r}" for k, v in distribution.kwds.items())]
    return f"{distribution.dist.name}({', '.join(parts)})"


def parameter_of(key: str) -> tuple[str, str]:
    """Return whose parameter a key of the grid names, and its name there."""
    owner, separator, name = key.partition("__")
    return (owner, name) if separator and owner in ("world", "model") else ("model", key)


def _draw(
    grid: Mapping[str, Any], n: int, sampling: str, rng: np.random.Generator
) -> dict[str, list[Any]]:
    """Return values by key, of n configurations; the first are the same, however many there are."""
    if sampling == "random":
        shares = rng.random((n, len(grid)))
    else:
        sobol = qmc.Sobol(len(grid), rng=rng)
        # As many as a power of 2, of which its points are balanced.
        shares = sobol.random_base2((n - 1).bit_length())[:n]
    drawn = {}
    for (key, values), column in zip(grid.items(), shares.T, strict=True):
        drawn[key] = _at(key, values, column)
    return drawn


def _at(key: str, values: Any, shares: NDArray[np.float64]) -> list[Any]:
    """Return the values below which these shares of a distribution, or of a list, lie."""
    if not is_distribution(key, values):
        return [values[i] for i in (shares * len(values)).astype(int)]
    with np.errstate(all="ignore"):
        found: Sequence[float] = np.asarray(values.ppf(shares)).tolist()
    if not np.isfinite(found).all():
        raise ValueError(
            f"param_grid[{key!r}]={distribution_in_words(values)} gives values that are not "
            "finite; pass other parameters of the distribution."
        )
    return [int(each) for each in found] if isinstance(values.dist, rv_discrete) else list(found)
