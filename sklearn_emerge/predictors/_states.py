"""The state of a predictor as a map: its trajectories, and their derivatives."""

from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from sklearn.utils.validation import check_is_fitted

from .._typing import Floats
from ._scores import Scores


class RecurrentStates(Scores):
    """States and Jacobians of predictors that go on from a state; part of `BasePredictor`.

    One that does implements ``_before(X)``, the `Running` core before the first step of X,
    ``_after_step(running, x)``, which has seen one more step, ``_slopes(running, x)``, the
    derivatives of that step by state and observations, and ``_closed_step(running)``, the core
    after its own prediction has entered, and the derivative by the state.
    """

    def recurrent_states(self, X: ArrayLike) -> Floats:
        """Return all that a recurrent predictor carries from one step to the next.

        It is what `transform` returns, and behind it, of an LSTM, the cells of its memory.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_state)
            Entry t is the state after step t; before the first step it is zero. `n_state` is
            the number of units, and twice that of an LSTM. It is computed in double precision,
            also where `transform` is computed by compiled scans.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If the predictor does not go on from a state, or X is not as in `predict`.

        Examples
        --------
        >>> from sklearn_emerge import LSTMPredictor, OscillatorWorld
        >>> X = OscillatorWorld(n_steps=32).sample(20, random_state=0).X
        >>> model = LSTMPredictor(4, max_steps=1, random_state=0).fit(X)
        >>> model.transform(X).shape, model.recurrent_states(X).shape
        ((20, 32, 4), (20, 32, 8))
        """
        check_is_fitted(self)
        self._check_states()
        steps: Floats = self.fill_missing(self.encode(X))
        running = self._before(steps)
        states: Floats = np.empty((*steps.shape[:2], running.cell.n_state))
        for t in range(steps.shape[1]):
            running = self._after_step(running, steps[:, t])
            states[:, t] = running.state
        return states

    def jacobians(self, X: ArrayLike, *, loop: str = "driven", wrt: str = "state") -> Floats:
        r"""Return the derivatives of the state by the one before, or by what is observed.

        Driven, :math:`h_t = F(h_{t-1}, x_t)`, and in closed loop the predictor's own prediction
        :math:`o(h) = S W_o h + b` takes the place of the observation,
        :math:`G(h) = F(h, o(h))`:

        .. math::

            J_t = \frac{\partial F}{\partial h}(h_{t-1}, x_t), \qquad
            B_t = \frac{\partial F}{\partial x}(h_{t-1}, x_t), \qquad
            \frac{\partial G}{\partial h} = \frac{\partial F}{\partial h} +
            \frac{\partial F}{\partial x} \, S W_o

        with the scale S of outputs. The driven map says how fast input overwrites the past;
        the closed loop is the operator that the predictor is when it is left alone.

        Parameters
        ----------
        X : array-like of shape (n_sequences, n_steps) or (n_sequences, n_steps, n_channels)
            Sequences, at whose states :math:`h_{t-1}` the derivatives are taken.
        loop : {"driven", "closed"}, default="driven"
            Which map. In closed loop what enters at step t is what is predicted of it, whatever X
            has there; so of a prompt with its rollout behind it these are the derivatives along
            the rollout.
        wrt : {"state", "input"}, default="state"
            By the state before, or by the observation of the step, of the driven map alone.

        Returns
        -------
        ndarray of shape (n_sequences, n_steps, n_state, n_state or n_channels)
            Entry (s, t, i, j) is the derivative of number i of the state after step t, as
            `recurrent_states` has it, by number j of the state before (zero at the first step), or
            by channel j of those that are seen at step t, in units of the data. Clocks are no
            channels. With ``input_scaling="first"`` the step that inputs are counted from is held.

        Raises
        ------
        NotFittedError
            If `fit` has not been called.
        ValueError
            If the predictor does not go on from a state, an argument is not as described, there is
            no closed loop, as of outcomes and counts, whose means are no observations, or with
            exogenous channels, or X is not as in `predict`.

        Notes
        -----
        In closed form of plain RNN, GRU and LSTM layers and of random cores, in double precision;
        of modules of your own by automatic differentiation.

        Examples
        --------
        The driven network forgets, and an untrained one does so quickly:

        >>> import numpy as np
        >>> from sklearn_emerge import GRUPredictor, OscillatorWorld
        >>> X = OscillatorWorld(n_steps=32).sample(20, random_state=0).X
        >>> model = GRUPredictor(4, max_steps=0, random_state=0).fit(X)
        >>> J = model.jacobians(X)
        >>> J.shape, model.jacobians(X, wrt="input").shape
        ((20, 32, 4, 4), (20, 32, 4, 1))
        >>> bool((np.abs(np.linalg.eigvals(J)) < 1).all())
        True
        """
        check_is_fitted(self)
        if loop not in ("driven", "closed"):
            raise ValueError(f"loop={loop!r} must be 'driven' or 'closed'.")
        if wrt not in ("state", "input"):
            raise ValueError(f"wrt={wrt!r} must be 'state' or 'input'.")
        if loop == "closed" and wrt == "input":
            raise ValueError(
                "wrt='input' with loop='closed': nothing is observed in closed loop; use "
                "loop='driven', or wrt='state'."
            )
        self._check_closed() if loop == "closed" else self._check_states()
        steps: Floats = self.fill_missing(self.encode(X))
        running, found = self._before(steps), []
        for x in steps.transpose(1, 0, 2):
            if loop == "closed":
                slopes = self._closed_step(running)[1]
            else:
                slopes = self._slopes(running, x)[wrt == "input"]
            found.append(slopes)
            running = self._after_step(running, x)
        return np.stack(found, axis=1)

    def _check_states(self) -> None:
        """Raise a ValueError if there are no states to go on from."""
        raise ValueError(
            f"{type(self).__name__} does not go on from a state: it reads past steps themselves, "
            "or has a law of its own. An RNNPredictor, GRUPredictor, LSTMPredictor or "
            "EchoStatePredictor has states, and a ModulePredictor whose module takes and returns "
            "them, forward(inputs, state=None) -> (hidden states, state)."
        )

    def _check_closed(self) -> None:
        """Raise a ValueError if there is no closed loop of means."""
        self._check_states()
        name, likelihood = type(self).__name__, self._likelihood
        if not likelihood.identity_link:
            raise ValueError(
                f"loop='closed' of a {name} with likelihood={self.likelihood_!r}: its predictions "
                "are means of outcomes or counts, which are no observations and never entered. Use "
                "loop='driven', rollout with feedback='sample', or likelihood='gaussian'."
            )
        if self._n_exogenous or not self._feedback:
            raise ValueError(
                f"loop='closed' of a {name} with n_exogenous={self._n_exogenous} and "
                f"feedback={self._feedback}: what enters is not what it predicts alone. Use "
                "loop='driven', or fit it without exogenous channels and with feedback."
            )

    def _before(self, X: Floats) -> Any:
        raise NotImplementedError

    def _after_step(self, running: Any, x: Floats) -> Any:
        raise NotImplementedError

    def _slopes(self, running: Any, x: Floats) -> tuple[Floats, Floats]:
        raise NotImplementedError

    def _closed_step(self, running: Any) -> tuple[Any, Floats]:
        raise NotImplementedError
