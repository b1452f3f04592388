"""What a fitted assessment says, shows and writes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from sklearn.utils.validation import check_is_fitted

from .._typing import PathLike
from . import _plot_and_report
from ._cube import save_cube
from ._explain import explain
from ._fitted import find_cell, refit
from ._html import results_html
from ._summary import summarise
from ._verdict import by_configuration

if TYPE_CHECKING:
    import pandas as pd
    import xarray as xr

    from ..predictors import BasePredictor
    from ..worlds import Sample
    from ._plan import Cell
    from ._plot_and_report import Display


class Results:
    """Methods of `EmergenceAssessment` that read its `cube_`, and the predictors behind it."""

    cube_: xr.Dataset
    _cells: list[Cell]

    def summary(self, detail: Literal["short", "full"] = "short") -> pd.DataFrame:
        """Return the main figures as a table, see `summarise`.

        Parameters
        ----------
        detail : {"short", "full"}, default="short"
            A row a configuration, or a row a configuration, condition and mode.

        Returns
        -------
        pandas.DataFrame

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        """
        return summarise(self, detail)

    def explain(self) -> str:
        """Say in plain sentences what was found, see `explain`.

        Returns
        -------
        str

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        """
        return explain(self)

    @property
    def verdict_(self) -> str | pd.Series:
        """The verdict: a str, or a Series over the configurations of a grid."""
        return by_configuration(self, "verdict")

    @property
    def verdict_reason_(self) -> str | pd.Series:
        """The tests behind the verdict: a str, or a Series over the configurations of a grid."""
        return by_configuration(self, "verdict_reason")

    def predictor(
        self, mode: str = "full", seed: int = 0, condition: str = "structured", **grid: Any
    ) -> BasePredictor:
        """Return the fitted predictor behind a cell of the cube.

        With `memory` its weights are read from the folder, if it is there still, and only the head
        is fitted again; else, and of models with callbacks or a module of your own, it is trained
        again. Its numbers are the same, bit for bit; weights from the folder bring no history of
        the training (``net_.history``).

        Parameters
        ----------
        mode : str, default="full"
            One of `modes`.
        seed : int, default=0
            The seed.
        condition : str, default="structured"
            "structured", or one of `nulls`.
        **grid : dict
            A value of each parameter in `param_grid`; one that has a single value can be left out.

        Returns
        -------
        predictor
            Fitted, a new one each time.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If there is no such cell.

        See Also
        --------
        EmergenceAssessment.evaluation : The sequences on which it was evaluated.

        Examples
        --------
        >>> from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
        >>> assessment = EmergenceAssessment(
        ...     OscillatorWorld(n_steps=20), GRUPredictor(2, max_steps=5), n_train=20, n_eval=10,
        ...     nulls=(), baselines=("mean",), reservoir_sizes=None, random_state=0, progress=False,
        ... ).fit()
        >>> model = assessment.predictor(seed=2)
        >>> nll = assessment.cube_.nll.sel(condition="structured", mode="full", seed=2).item()
        >>> -model.score(assessment.evaluation(seed=2).X) == nll
        True
        """
        check_is_fitted(self, "cube_")
        return refit(find_cell(self._cells, mode, seed, condition, grid), seed)

    def evaluation(self, seed: int = 0, condition: str = "structured", **grid: Any) -> Sample:
        """Return the sequences on which the networks of a seed were evaluated.

        Parameters
        ----------
        seed : int, default=0
            The seed.
        condition : str, default="structured"
            "structured", or one of `nulls`.
        **grid : dict
            As in `predictor`.

        Returns
        -------
        Sample
            Those of training are its ``train``.

        Raises
        ------
        NotFittedError, ValueError
            As in `predictor`.
        """
        check_is_fitted(self, "cube_")
        mode = str(self._cells[0].mode)  # those of networks have one
        return find_cell(self._cells, mode, seed, condition, grid).work.splits(int(seed))[1]

    def plot(
        self,
        kind: Literal["gains", "capacity", "decoding", "memory", "forecast", "trajectory"]
        | None = None,
        **options: Any,
    ) -> Display:
        """Plot what was measured.

        Parameters
        ----------
        kind : {"gains", "capacity", "decoding", "memory", "forecast", "trajectory"}, default=None
            What to show: gains of one configuration, or against a parameter of the grid; scores
            of decoding; the loss by how many inputs are seen; the error of networks that are left
            alone by how far ahead; a measure in the course of training. None is "capacity" if
            there is a grid of which `options` do not select one configuration, else "gains".
        **options
            Of the `from_cube` of `AssessmentDisplay`, `CapacityCurveDisplay`, `DecodingDisplay`,
            `MemoryDisplay`, `ForecastErrorDisplay` or `TrajectoryDisplay`, for instance
            ``hidden_size=16`` or ``ax``.

        Returns
        -------
        display
            Plotted.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If the kind is not known, or what it shows was not measured.
        """
        return _plot_and_report.plot(self, kind, options)

    def to_netcdf(self, path: PathLike) -> None:
        """Write the cube to a NetCDF file, atomically.

        Parameters
        ----------
        path : path-like
            The file; missing folders are made, a leading ``~`` is the home folder. Its SHA-256
            stands at its end, for `load_cube`; other readers of NetCDF do not see it.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        OSError
            If the file cannot be written, or exists and is no regular file.
        """
        check_is_fitted(self, "cube_")
        save_cube(self.cube_, path)

    def report(self, path: PathLike) -> None:
        """Write a report: one HTML file with verdict, figures, checks and methods.

        Parameters
        ----------
        path : path-like
            The file, as in `to_netcdf`.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If the file is not named as a page (.html).
        ImportError
            If matplotlib is not installed.
        OSError
            If the file cannot be written.

        See Also
        --------
        sklearn_emerge.report : One report on several assessments, or on files.
        """
        check_is_fitted(self, "cube_")
        _plot_and_report.write_report(self, path)

    def _repr_html_inner(self) -> str:
        html = super()._repr_html_inner()  # type: ignore[misc]  # that of `Estimator`
        return html + results_html(self.cube_) if hasattr(self, "cube_") else html

    def _repr_mimebundle_(self, **kwargs: Any) -> dict[str, str]:
        bundle = super()._repr_mimebundle_(**kwargs)  # type: ignore[misc]  # that of `Estimator`
        if "text/html" in bundle and hasattr(self, "cube_"):
            bundle["text/html"] += results_html(self.cube_)
        return bundle
