"""Recurrent predictors: one layer of a standard cell and a linear head."""

from collections.abc import Sequence
from numbers import Integral
from typing import Any

from numpy.typing import ArrayLike
from sklearn.utils._param_validation import Interval
from torch import nn

from .._docs import fill_doc
from .._typing import RandomState
from ..networks import orthogonalise_recurrent_weights
from ._neural import NeuralPredictor


class RecurrentPredictor(NeuralPredictor):
    """What the recurrent predictors share; subclasses name the layer of torch."""

    _parameter_constraints = {
        **NeuralPredictor._parameter_constraints,
        "hidden_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        hidden_size: int = 16,
        *,
        training: str = "full",
        head: str = "exact",
        max_steps: int = 1000,
        batch_size: int = 64,
        lr: float = 1e-2,
        lr_schedule: str | None = None,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        validation_steps: int = 20,
        n_iter_no_change: int = 10,
        likelihood: str = "auto",
        noise_std: ArrayLike = "auto",
        n_tokens: int | str = "auto",
        n_exogenous: int | str = "auto",
        feedback: bool | str = "auto",
        input_scaling: str | None = "auto",
        output_scaling: str | None = "auto",
        time_channel: str | None = "full_time",
        device: str = "cpu",
        engine: str = "auto",
        callbacks: Sequence[Any] | None = None,
        random_state: RandomState = None,
    ) -> None:
        super().__init__(
            training=training,
            head=head,
            max_steps=max_steps,
            batch_size=batch_size,
            lr=lr,
            lr_schedule=lr_schedule,
            early_stopping=early_stopping,
            validation_fraction=validation_fraction,
            validation_steps=validation_steps,
            n_iter_no_change=n_iter_no_change,
            likelihood=likelihood,
            noise_std=noise_std,
            n_tokens=n_tokens,
            n_exogenous=n_exogenous,
            feedback=feedback,
            input_scaling=input_scaling,
            output_scaling=output_scaling,
            time_channel=time_channel,
            device=device,
            engine=engine,
            callbacks=callbacks,
            random_state=random_state,
        )
        self.hidden_size = hidden_size

    def _build_core(self, n_inputs: int) -> nn.Module:
        core = self._layer(n_inputs, int(self.hidden_size), batch_first=True)
        orthogonalise_recurrent_weights(core)
        return core


@fill_doc
class RNNPredictor(RecurrentPredictor):
    r"""Next-step predictor with one tanh recurrent layer and a linear head.

    .. math:: h_t = \tanh(W x_t + b + U h_{t-1} + c), \qquad h_{-1} = 0,

    with the next step predicted from :math:`W_o h_t + b_o`. Initial weights and training are
    those of `GRUPredictor`. One of the two networks of *Emergence Without Scale*.

    Parameters
    ----------
    hidden_size : int, default=16
        Number of hidden units, H.
    training : {"full", "readout", "random", "scrambled"}, default="full"
        %(training)s
    head : {"exact", "sgd"}, default="exact"
        %(head)s
    max_steps : int, default=1000
        Updates of the optimiser.
    batch_size : int, default=64
        Sequences an update, in reshuffled epochs.
    lr : float, default=1e-2
        Step size of Adam. That of *Emergence Without Scale* is 1e-3, for 20,000 updates.
    lr_schedule : {"cosine"} or None, default=None
        %(lr_schedule)s
    early_stopping : bool, default=False
        %(early_stopping)s
    validation_fraction : float, default=0.1
        %(validation_fraction)s
    validation_steps : int, default=20
        %(validation_steps)s
    n_iter_no_change : int, default=10
        %(n_iter_no_change)s
    likelihood : str, default="auto"
        %(likelihood_of_network)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_of_network)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s
    input_scaling : {"auto", "standard", "first", None}, default="auto"
        %(input_scaling)s
    output_scaling : {"auto", "standard", None}, default="auto"
        %(output_scaling)s
    time_channel : {"full_time", "no_time", "constant_time", None}, default="full_time"
        %(time_channel)s
    device : str, default="cpu"
        Device of torch.
    engine : {"auto", "numba", "torch"}, default="auto"
        %(engine)s
    callbacks : list of skorch callbacks or None, default=None
        %(callbacks)s
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of initial weights and batches.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    engine_ : str
        What computed the training, "numba" or "torch".
    net_ : skorch.NeuralNet
        %(net_)s
    converged_ : bool
        %(network_converged_)s
    training_loss_ : ndarray of shape (20,)
        %(training_loss_)s
    validation_loss_ : ndarray of shape (20,)
        %(validation_loss_)s
    stopped_at_ : float
        %(stopped_at_)s
    n_parameters_ : int
        Number of weights, head included.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import RNNPredictor
    >>> from sklearn_emerge.datasets import make_oscillator
    >>> X = make_oscillator(40, n_steps=50, random_state=0).X
    >>> model = RNNPredictor(hidden_size=4, max_steps=5, random_state=0).fit(X)
    >>> model.predict(X).shape, model.transform(X).shape
    ((40, 50), (40, 50, 4))
    """

    _layer = nn.RNN


@fill_doc
class GRUPredictor(RecurrentPredictor):
    r"""Next-step predictor with one layer of gated recurrent units and a linear head.

    .. math::

        r_t &= \sigma(W_r x_t + b_r + U_r h_{t-1} + c_r) \\
        z_t &= \sigma(W_z x_t + b_z + U_z h_{t-1} + c_z) \\
        n_t &= \tanh(W_n x_t + b_n + r_t \odot (U_n h_{t-1} + c_n)) \\
        h_t &= (1 - z_t) \odot n_t + z_t \odot h_{t-1}, \qquad h_{-1} = 0,

    with the next step predicted from :math:`W_o h_t + b_o`. The recurrent weights start
    orthogonal, the three gates as one matrix of 3H x H; all other weights start uniform in
    :math:`\pm 1/\sqrt{H}`. Adam minimises the negative log-likelihood per step. One of the two
    networks of *Emergence Without Scale*, which trains 20,000 steps.

    Parameters
    ----------
    hidden_size : int, default=16
        Number of hidden units, H.
    training : {"full", "readout", "random", "scrambled"}, default="full"
        %(training)s
    head : {"exact", "sgd"}, default="exact"
        %(head)s
    max_steps : int, default=1000
        Updates of the optimiser.
    batch_size : int, default=64
        Sequences an update, in reshuffled epochs.
    lr : float, default=1e-2
        Step size of Adam. That of *Emergence Without Scale* is 1e-3, for 20,000 updates.
    lr_schedule : {"cosine"} or None, default=None
        %(lr_schedule)s
    early_stopping : bool, default=False
        %(early_stopping)s
    validation_fraction : float, default=0.1
        %(validation_fraction)s
    validation_steps : int, default=20
        %(validation_steps)s
    n_iter_no_change : int, default=10
        %(n_iter_no_change)s
    likelihood : str, default="auto"
        %(likelihood_of_network)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_of_network)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s
    input_scaling : {"auto", "standard", "first", None}, default="auto"
        %(input_scaling)s
    output_scaling : {"auto", "standard", None}, default="auto"
        %(output_scaling)s
    time_channel : {"full_time", "no_time", "constant_time", None}, default="full_time"
        %(time_channel)s
    device : str, default="cpu"
        Device of torch.
    engine : {"auto", "numba", "torch"}, default="auto"
        %(engine)s
    callbacks : list of skorch callbacks or None, default=None
        %(callbacks)s
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of initial weights and batches.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    engine_ : str
        What computed the training, "numba" or "torch".
    net_ : skorch.NeuralNet
        %(net_)s
    converged_ : bool
        %(network_converged_)s
    training_loss_ : ndarray of shape (20,)
        %(training_loss_)s
    validation_loss_ : ndarray of shape (20,)
        %(validation_loss_)s
    stopped_at_ : float
        %(stopped_at_)s
    n_parameters_ : int
        Number of weights, head included.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import GRUPredictor
    >>> from sklearn_emerge.datasets import make_oscillator
    >>> X = make_oscillator(40, n_steps=50, random_state=0).X
    >>> model = GRUPredictor(hidden_size=4, max_steps=5, random_state=0).fit(X)
    >>> model.predict(X).shape, model.transform(X).shape
    ((40, 50), (40, 50, 4))
    """

    _layer = nn.GRU


@fill_doc
class LSTMPredictor(RecurrentPredictor):
    r"""Next-step predictor with one long short-term memory layer and a linear head.

    .. math::

        i_t, f_t, o_t &= \sigma(W x_t + b + U h_{t-1} + c) \\
        g_t &= \tanh(W_g x_t + b_g + U_g h_{t-1} + c_g) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh(c_t),

    with the next step predicted from :math:`W_o h_t + b_o`. The hidden states that `transform`
    returns are :math:`h_t`, without the cells. Initial weights and training are those of
    `GRUPredictor`.

    Parameters
    ----------
    hidden_size : int, default=16
        Number of hidden units, H.
    training : {"full", "readout", "random", "scrambled"}, default="full"
        %(training)s
    head : {"exact", "sgd"}, default="exact"
        %(head)s
    max_steps : int, default=1000
        Updates of the optimiser.
    batch_size : int, default=64
        Sequences an update, in reshuffled epochs.
    lr : float, default=1e-2
        Step size of Adam.
    lr_schedule : {"cosine"} or None, default=None
        %(lr_schedule)s
    early_stopping : bool, default=False
        %(early_stopping)s
    validation_fraction : float, default=0.1
        %(validation_fraction)s
    validation_steps : int, default=20
        %(validation_steps)s
    n_iter_no_change : int, default=10
        %(n_iter_no_change)s
    likelihood : str, default="auto"
        %(likelihood_of_network)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_of_network)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
    n_exogenous : int or "auto", default="auto"
        %(n_exogenous)s
    feedback : bool or "auto", default="auto"
        %(feedback)s
    input_scaling : {"auto", "standard", "first", None}, default="auto"
        %(input_scaling)s
    output_scaling : {"auto", "standard", None}, default="auto"
        %(output_scaling)s
    time_channel : {"full_time", "no_time", "constant_time", None}, default="full_time"
        %(time_channel)s
    device : str, default="cpu"
        Device of torch.
    engine : {"auto", "numba", "torch"}, default="auto"
        %(engine)s
    callbacks : list of skorch callbacks or None, default=None
        %(callbacks)s
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of initial weights and batches.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    engine_ : str
        What computed the training, "numba" or "torch".
    net_ : skorch.NeuralNet
        %(net_)s
    converged_ : bool
        %(network_converged_)s
    training_loss_ : ndarray of shape (20,)
        %(training_loss_)s
    validation_loss_ : ndarray of shape (20,)
        %(validation_loss_)s
    stopped_at_ : float
        %(stopped_at_)s
    n_parameters_ : int
        Number of weights, head included.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from sklearn_emerge import LSTMPredictor
    >>> from sklearn_emerge.datasets import make_oscillator
    >>> X = make_oscillator(40, n_steps=50, random_state=0).X
    >>> model = LSTMPredictor(hidden_size=4, max_steps=5, random_state=0).fit(X)
    >>> model.predict(X).shape, model.transform(X).shape
    ((40, 50), (40, 50, 4))
    """

    _layer = nn.LSTM
