"""Predictors that are left alone in the structured world: how far they are from it."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import xarray as xr

from ..ceilings._of_world import optimal_predictor
from ..operators._errors import errors_of
from ..predictors._base import BasePredictor
from ..worlds import Sample, World
from ._design import Design

# Errors below which none is told apart.
TINY = 1e-9


@dataclass(frozen=True)
class LeftAlone:
    """What predictors that are left alone are compared with.

    Attributes
    ----------
    world : World
        The structured world.
    target : str
        As of `target_of`.
    maker : callable or None
        What makes its optimal predictor, None if it is not known.
    n_sequences : int or "auto"
        In how many sequences, as of `flow_errors`: in the same for all that are compared.
    """

    world: World
    target: str
    maker: Callable[[], BasePredictor] | None = None
    n_sequences: int | str = "auto"

    def ready(self) -> Callable[..., xr.DataArray]:
        """Return a function that measures a predictor on sequences of a seed, by a design."""
        known = self.target == "forecast"
        optimal = optimal_predictor(self.world, maker=self.maker) if known else None

        def measure(
            predictor: BasePredictor,
            evaluation: Sample,
            design: Design,
            seed: int,
            n_sequences: int | str = self.n_sequences,
        ) -> xr.DataArray:
            # All of a seed draw the same numbers.
            stream = design.stream("flow", seed)
            errors = errors_of(
                predictor,
                evaluation,
                self.target,
                optimal,
                random_state=stream,
                n_sequences=n_sequences,
            )
            return errors.assign_coords(seed=seed)

        return measure


def final_errors(errors: xr.DataArray) -> xr.DataArray:
    """Return errors over the longest horizon, the root of the mean square over prompts.

    Parameters
    ----------
    errors : DataArray with dimensions prompt and horizon
        As of `flow_errors`; those of other configurations may have other prompts and horizons.

    Returns
    -------
    DataArray
        Without these dimensions.
    """
    last = errors.horizon.where(errors.notnull()).max("horizon")
    return np.sqrt((errors.where(errors.horizon == last).max("horizon") ** 2).mean("prompt"))
