"""Rollouts: a predictor goes on by itself, its own predictions in place of what it would see."""

from collections.abc import Iterator
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._dims import in_order
from .._padding import is_uneven
from .._random import substream
from .._typing import Floats, RandomState
from .._validation import check_integer
from ._scores import Scores

# Bytes of sequences that are continued at once.
_MOST_BYTES = 2**26
# Uniform numbers are no less: at 0 a quantity would be infinite.
_LEAST_UNIFORM = 2.0**-54


class Rollouts(Scores):
    """How a predictor goes on from a prompt; part of `BasePredictor`.

    What is right for every predictor is to keep the sequence and to predict all of it anew. One
    that can do better implements ``_begin(X)``, which returns the means (n_sequences, n_channels)
    after the steps of X and a state, and ``_advance(state, x)``, which returns both after one more
    step x (n_sequences, n_channels). One whose forecast is not what comes of its means fed back
    implements ``_forecast(X, n_steps)``, the means of the steps to come.
    """

    # From which step on the clock stands, and where; None where it runs.
    _stopped_clock: tuple[int, float] | None = None

    def rollout(
        self,
        X: ArrayLike,
        n_steps: int,
        *,
        feedback: str = "auto",
        clock: str | float | None = None,
        n_paths: int = 1,
        random_state: RandomState = None,
    ) -> Floats:
        r"""Predict many steps ahead: what is predicted enters in place of what would be seen.

        With ``feedback="mean"`` these are the means :math:`r_k` for which

        .. math:: r_k = E[y_{P+k} \mid y_0 \ldots y_{P-1}, r_0 \ldots r_{k-1}],

        so that `predict` of prompt and rollout together returns the rollout again. It is
        deterministic: the operator that the predictor is when it is left alone. With "sample"
        observations are drawn from the predictive distribution and enter, and what is returned is
        the mean of each step given the draws before, averaged over paths (Rao and Blackwell): an
        estimate of the forecast many steps ahead.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_prompt) or (n_sequences, n_prompt, n_channels)
            Prompts, of any length from 1 on, all as long. Missing steps are seen as `predict` sees
            them.
        n_steps : int
            How many steps to go on, at least 1.
        feedback : {"auto", "mean", "sample"}, default="auto"
            What enters: "mean", of quantities alone, or draws. "auto" is the forecast itself, of
            predictors that know it: those of the oscillator, regime and flip-flop worlds. Of
            others it is "mean" of quantities, and "sample" of outcomes and counts, of which no
            mean has ever been seen.
        clock : "run", float or None, default=None
            What the clock does in the steps to come, of a predictor that has one
            (``time_channel="full_time"``). "run" lets it run on, beyond the length of training,
            too; a number from 0 to 1 is where it stands once the prompt has been seen. None lets
            it run within the length of training.
        n_paths : int, default=1
            Draws that are averaged over, of each sequence. Without effect where `feedback` is
            "auto" and the forecast is known.
        random_state : int, SeedSequence, Generator, RandomState or None, default=None
            Stream of the draws. They come from the same uniform numbers whatever the predictor, so
            that with the same integer two networks differ by what they predict alone; those of a
            path do not depend on how many there are.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps), (n_sequences, n_steps, n_channels or n_tokens)
            Entry 0 is the mean of the first step that was not seen, ``predict(X)[:, -1]``; all are
            on the scale of the data, as `predict` returns them. Not finite where predictions have
            left the range of float64.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If an argument is not as described, the clock would leave its range, means of outcomes
            or several paths of means are asked for, there are exogenous channels, whose steps to
            come nobody knows, or X is not as in `predict`.

        Notes
        -----
        It is computed in double precision, also of recurrent networks whose `predict` is computed
        by compiled scans, and of random cores, which are in single precision: these two differ in
        the last digits of that. Plain RNN, GRU and LSTM layers, random cores, linear filters and
        Kalman filters go on from their state, a step as fast as any other; others predict all
        steps anew, so that time grows with the square of their number. Beyond the context of a
        transformer its window moves on, as in `predict`; filters that vary with time keep that of
        the last step.

        Examples
        --------
        A filter that halves what it sees:

        >>> import numpy as np
        >>> from sklearn_emerge import AutoregressivePredictor
        >>> X = np.outer([1.0, 2.0, 3.0], 0.5 ** np.arange(6))
        >>> model = AutoregressivePredictor(lags=1).fit(X)
        >>> model.rollout([[8.0], [16.0]], 3).round(6).tolist()
        [[4.0, 2.0, 1.0], [8.0, 4.0, 2.0]]

        A chain that stays with a probability of .9 forgets where it was:

        >>> from sklearn_emerge import RegimePredictor
        >>> chain = RegimePredictor(stay_probability=(0.9, 0.9)).fit([[0, 0], [1, 1]])
        >>> chain.rollout([[1]], 3).round(3).tolist()
        [[0.9, 0.82, 0.756]]
        """
        check_is_fitted(self)
        check_integer(n_steps, "n_steps")
        check_integer(n_paths, "n_paths")
        feedback = self._what_enters(feedback, n_paths)
        X = in_order(X, "X")
        model = self._from_prompt(length_of(X), n_steps, clock)
        prompts = model.fill_missing(model.encode(X))
        # Unstable filters grow.
        with np.errstate(over="ignore", invalid="ignore"):
            if feedback == "forecast":
                mean = self._likelihood.clip(model._forecast(prompts, n_steps))
            elif feedback == "mean":
                mean = model._path(prompts, n_steps)
            else:
                blocks = model._paths(prompts, n_steps, n_paths, random_state)
                mean = sum(block.sum(axis=0) for block in blocks) / n_paths
        return mean if np.ndim(X) == 3 or self._likelihood.tokens else mean[:, :, 0]

    def _what_enters(self, feedback: Any, n_paths: int) -> str:
        """Return "forecast", "mean" or "sample", or raise a ValueError."""
        name = type(self).__name__
        if not self._feedback:
            raise ValueError(
                f"This {name} has feedback=False: it does not see what it predicts, so that "
                "nothing can enter again; use predict, or fit it with feedback=True."
            )
        if self._n_exogenous:
            raise ValueError(
                f"This {name} has n_exogenous={self._n_exogenous}: the inputs of the steps to come "
                "are not known. Use predict, one step at a time, or fit it without exogenous "
                "channels."
            )
        if not isinstance(feedback, str) or feedback not in ("auto", "mean", "sample"):
            raise ValueError(f"feedback={feedback!r} must be 'auto', 'mean' or 'sample'.")
        discrete = self._likelihood.discrete
        if feedback == "mean" and discrete:
            raise ValueError(
                f"feedback='mean' would show the predictor means under "
                f"likelihood={self.likelihood_!r}, which are no observations and were never seen; "
                "use feedback='sample', with n_paths=40 or so."
            )
        if feedback == "auto" and hasattr(self, "_forecast"):
            return "forecast"
        if feedback == "auto":
            feedback = "sample" if discrete else "mean"
        if feedback == "mean" and n_paths > 1:
            raise ValueError(
                f"n_paths={n_paths}, but with feedback='mean' nothing is drawn, and all paths are "
                "the same; use n_paths=1, or feedback='sample'."
            )
        return feedback

    def _from_prompt(self, n_prompt: int, n_steps: int, clock: Any) -> Any:
        """Return a copy that takes prompts of a length and whose clock does as it is told."""
        # It knows whether there are so many steps.
        model = self.at_length(max(2, n_prompt + n_steps))
        model.n_features_in_ = n_prompt
        runs = getattr(self, "time_channel", None) == "full_time"
        if clock is None:
            n_all, n_known = n_prompt + n_steps, self.n_steps_
            if runs and n_all > n_known:
                raise ValueError(
                    f"{n_prompt} steps of X and n_steps={n_steps} are {n_all} steps, beyond the "
                    f"{n_known} of training, where the clock of {type(self).__name__} would leave "
                    "its range. Pass fewer steps, clock=0.5 (or another number from 0 to 1) to "
                    "make it stand, or clock='run' to let it run on; or fit it with "
                    "time_channel=None."
                )
            return model
        number = isinstance(clock, Real) and not isinstance(clock, bool | np.bool_)
        if not (number and 0 <= clock <= 1) and not (isinstance(clock, str) and clock == "run"):
            raise ValueError(f"clock={clock!r} must be 'run', a number from 0 to 1, or None.")
        if not runs:
            raise ValueError(
                f"clock={clock!r}, but this {type(self).__name__} has no clock that runs "
                f"(time_channel={getattr(self, 'time_channel', None)!r}); leave clock=None."
            )
        if number:
            model._stopped_clock = n_prompt, float(clock)
        return model

    def _running_clock(self, n_steps: int) -> Floats:
        """Return the clock of the first steps; it runs on at the pace of training."""
        clock: Floats = np.arange(n_steps) / (self.n_steps_ - 1)
        if self._stopped_clock is not None:
            start, value = self._stopped_clock
            clock[start:] = value
        return clock

    def _paths(
        self, X: Floats, n_steps: int, n_paths: int, random_state: RandomState
    ) -> Iterator[Floats]:
        """Yield the means along sampled paths, of shape (some of the paths, *result)."""
        n_channels = X.shape[2]
        random = np.random.default_rng(substream(random_state, "rollout"))
        size = max(1, _MOST_BYTES // (8 * X[:, 0].size * (X.shape[1] + n_steps)))
        for start in range(0, n_paths, size):
            n = min(size, n_paths - start)
            uniforms = random.random((n * len(X), n_steps, n_channels))
            means = self._path(np.tile(X, (n, 1, 1)), n_steps, np.maximum(uniforms, _LEAST_UNIFORM))
            yield means.reshape(n, *X.shape[:1], *means.shape[1:])

    def _path(self, X: Floats, n_steps: int, uniforms: Floats | None = None) -> Floats:
        """Return the means along a path; without uniform numbers it is the means that enter."""
        likelihood: Any = self._likelihood
        noise = self.noise_std_, self.shape_
        mean, state = self._begin(X)
        means: Floats = np.empty((len(X), n_steps, mean.shape[1]))
        means[:, 0] = mean = likelihood.clip(mean)
        for k in range(1, n_steps):
            x = mean if uniforms is None else likelihood.draw(mean, uniforms[:, k - 1], *noise)
            mean, state = self._advance(state, x)
            means[:, k] = mean = likelihood.clip(mean)
        return means

    def _begin(self, X: Floats) -> tuple[Floats, Any]:
        """Return the means after the last step of X, and a state."""
        return self._last(X), X

    def _advance(self, state: Any, x: Floats) -> tuple[Floats, Any]:
        """Return the means and the state after one more step."""
        return self._begin(np.concatenate([state, x[:, np.newaxis]], axis=1))

    def _last(self, X: Floats) -> Floats:
        """Return the means after the last step of X, what `_predict` has for that step."""
        return self._predict(X)[:, -1]


def length_of(X: Any) -> int:
    """Return how many steps prompts have."""
    if is_uneven(X):
        lengths = sorted({len(row) for row in X})
        raise ValueError(
            f"X has prompts of {lengths[0]} to {lengths[-1]} steps, which end at different steps; "
            "pass those of one length at a time."
        )
    shape = np.shape(X)
    if len(shape) in (2, 3) and shape[1] < 1:
        raise ValueError(
            f"X has shape {shape}; a prompt has at least one step, as X[:, :1] of sequences has."
        )
    # Other shapes are refused where sequences are checked.
    return int(shape[1]) if len(shape) > 1 else 1
