"""Recurrent predictors: one layer of a standard cell and a linear head."""

from numbers import Integral

from sklearn.utils._param_validation import Interval
from torch import nn

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
        hidden_size=16,
        *,
        training="full",
        head="exact",
        max_steps=1000,
        batch_size=64,
        lr=1e-2,
        likelihood="auto",
        noise_std="auto",
        n_tokens="auto",
        input_scaling="auto",
        output_scaling="auto",
        time_channel="full_time",
        device="cpu",
        engine="auto",
        callbacks=None,
        random_state=None,
    ):
        super().__init__(
            training=training,
            head=head,
            max_steps=max_steps,
            batch_size=batch_size,
            lr=lr,
            likelihood=likelihood,
            noise_std=noise_std,
            n_tokens=n_tokens,
            input_scaling=input_scaling,
            output_scaling=output_scaling,
            time_channel=time_channel,
            device=device,
            engine=engine,
            callbacks=callbacks,
            random_state=random_state,
        )
        self.hidden_size = hidden_size

    def _build_core(self, n_inputs):
        core = self._layer(n_inputs, int(self.hidden_size), batch_first=True)
        orthogonalise_recurrent_weights(core)
        return core


class RNNPredictor(RecurrentPredictor):
    r"""Next-step predictor with one tanh recurrent layer and a linear head.

    .. math:: h_t = \tanh(W x_t + b + U h_{t-1} + c), \qquad h_{-1} = 0,

    with the next step predicted from :math:`W_o h_t + b_o`. Initial weights, training and all
    parameters are those of `GRUPredictor`. One of the two networks of *Emergence Without Scale*.

    Parameters
    ----------
    hidden_size : int, default=16
        Number of hidden units, H.
    training : {"full", "readout", "random", "scrambled"}, default="full"
        See `GRUPredictor`.
    head : {"exact", "sgd"}, default="exact"
        See `GRUPredictor`.
    max_steps : int, default=1000
        See `GRUPredictor`.
    batch_size : int, default=64
        See `GRUPredictor`.
    lr : float, default=1e-2
        See `GRUPredictor`.
    likelihood : {"auto", "gaussian", "bernoulli", "categorical"}, default="auto"
        See `GRUPredictor`.
    noise_std : float, "estimate" or "auto", default="auto"
        See `GRUPredictor`.
    n_tokens : int or "auto", default="auto"
        See `GRUPredictor`.
    input_scaling : {"auto", "standard", "first", None}, default="auto"
        See `GRUPredictor`.
    output_scaling : {"auto", "standard", None}, default="auto"
        See `GRUPredictor`.
    time_channel : {"full_time", "no_time", "constant_time", None}, default="full_time"
        See `GRUPredictor`.
    device : str, default="cpu"
        See `GRUPredictor`.
    engine : {"auto", "numba", "torch"}, default="auto"
        See `GRUPredictor`.
    callbacks : list of skorch callbacks or None, default=None
        See `GRUPredictor`.
    random_state : int, Generator, SeedSequence or None, default=None
        See `GRUPredictor`.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    engine_ : str
        What computed the training, "numba" or "torch".
    net_ : skorch.NeuralNet
        What trained it (in mode "readout", the head); ``net_.history`` has the loss of each
        epoch, in nats per step (relative to a noise of one training standard deviation if
        `noise_std` is estimated).
    converged_ : bool
        See `GRUPredictor`.
    training_loss_ : ndarray of shape (20,)
        See `GRUPredictor`.
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
        Train everything; the head alone; nothing; or everything, and then permute the entries
        of the recurrent weights. All start from the same weights for the same `random_state`.
    head : {"exact", "sgd"}, default="exact"
        How the head is found. "exact" fits it to the hidden states of the training sequences
        once the core is what it will be, with the penalty by cross-validation over sequences:
        ridge regression, or logistic or softmax regression under the other likelihoods. Mode
        "readout" then needs no training. "sgd" trains it with the core, or alone in mode
        "readout", as the sources do. The head of mode "random" stays as it is.
    max_steps : int, default=1000
        Updates of the optimiser.
    batch_size : int, default=64
        Sequences an update, in reshuffled epochs.
    lr : float, default=1e-2
        Step size of Adam. The source's is 1e-3, for 20,000 updates.
    likelihood : {"auto", "gaussian", "bernoulli", "categorical"}, default="auto"
        What is maximised and scored. "auto" is Gaussian, or in an assessment that of the world.
    noise_std : float, "estimate" or "auto", default="auto"
        Standard deviation of the Gaussian in units of the data. "estimate" takes the root mean
        square error on the training data; "auto" does so too, or in an assessment takes the
        world's.
    n_tokens : int or "auto", default="auto"
        Size of the vocabulary under the categorical likelihood. "auto" is one more than the
        largest token of the training data, or in an assessment that of the world.
    input_scaling : {"auto", "standard", "first", None}, default="auto"
        "standard" subtracts the training mean and divides by the training standard deviation;
        "first" subtracts the first step of each sequence; None leaves the data as they are.
        "auto" is "standard", or in an assessment what the world states.
    output_scaling : {"auto", "standard", None}, default="auto"
        "standard" lets the head predict in units of the training standard deviation around the
        training mean, None on the scale of the data. "auto" as for `input_scaling`. Without
        effect under the Bernoulli and categorical likelihoods, where the head predicts log odds
        and logits.
    time_channel : {"full_time", "no_time", "constant_time", None}, default="full_time"
        A further input: t / (n_steps - 1); zero; one half; or no further input.
    device : str, default="cpu"
        Device of torch.
    engine : {"auto", "numba", "torch"}, default="auto"
        What computes: compiled scans on a CPU, or torch. The scans were measured 9 to 48 times
        as fast for up to 32 hidden units, and about twice as fast for 128
        (``benchmarks/recurrence.py``). "auto" takes the scans where they can be used (up to 128
        hidden units, on a CPU), but for fits that take torch less than half a second, for which
        it is not worth loading them; `engine_` tells. The choice depends on the kind and the size
        of the network and on the length of the fit alone, so it is the same in all training modes
        and on all machines. The scans are compiled once on each machine, in about five seconds,
        for all sizes of a kind of cell. The two differ by rounding. With the scans, the batch that
        callbacks receive is the row numbers of its sequences.
    callbacks : list of skorch callbacks or None, default=None
        Copies are used; their state after the fit is in ``net_.callbacks_``. They must not predict
        in threads of their own, which would wait for the fit to end.
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of initial weights and batches.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    engine_ : str
        What computed the training, "numba" or "torch".
    net_ : skorch.NeuralNet
        What trained it (in mode "readout", the head); ``net_.history`` has the loss of each
        epoch, in nats per step (relative to a noise of one training standard deviation if
        `noise_std` is estimated).
    converged_ : bool
        Whether the head is at the minimum of its loss; True, too, of a head that is not fitted in
        closed form.
    training_loss_ : ndarray of shape (20,)
        Mean loss of the updates in each twentieth of `max_steps`, in nats per step; where the
        noise is estimated, under the noise that is best for that twentieth. (It is a multiple of
        the training standard deviations, the same for all channels: with several channels the
        loss is no less than if each had its own.) NaN where no update was made: in a mode without
        training, or after it had stopped; less than 20 updates have the first entries, one each.
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


class LSTMPredictor(RecurrentPredictor):
    r"""Next-step predictor with one long short-term memory layer and a linear head.

    .. math::

        i_t, f_t, o_t &= \sigma(W x_t + b + U h_{t-1} + c) \\
        g_t &= \tanh(W_g x_t + b_g + U_g h_{t-1} + c_g) \\
        c_t &= f_t \odot c_{t-1} + i_t \odot g_t, \qquad h_t = o_t \odot \tanh(c_t),

    with the next step predicted from :math:`W_o h_t + b_o`. The hidden states that `transform`
    returns are :math:`h_t`, without the cells. Initial weights, training and all parameters are
    those of `GRUPredictor`.

    Parameters
    ----------
    hidden_size : int, default=16
        Number of hidden units, H.
    training : {"full", "readout", "random", "scrambled"}, default="full"
        See `GRUPredictor`.
    head : {"exact", "sgd"}, default="exact"
        See `GRUPredictor`.
    max_steps : int, default=1000
        See `GRUPredictor`.
    batch_size : int, default=64
        See `GRUPredictor`.
    lr : float, default=1e-2
        See `GRUPredictor`.
    likelihood : {"auto", "gaussian", "bernoulli", "categorical"}, default="auto"
        See `GRUPredictor`.
    noise_std : float, "estimate" or "auto", default="auto"
        See `GRUPredictor`.
    n_tokens : int or "auto", default="auto"
        See `GRUPredictor`.
    input_scaling : {"auto", "standard", "first", None}, default="auto"
        See `GRUPredictor`.
    output_scaling : {"auto", "standard", None}, default="auto"
        See `GRUPredictor`.
    time_channel : {"full_time", "no_time", "constant_time", None}, default="full_time"
        See `GRUPredictor`.
    device : str, default="cpu"
        See `GRUPredictor`.
    engine : {"auto", "numba", "torch"}, default="auto"
        See `GRUPredictor`.
    callbacks : list of skorch callbacks or None, default=None
        See `GRUPredictor`.
    random_state : int, Generator, SeedSequence or None, default=None
        See `GRUPredictor`.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    engine_ : str
        What computed the training, "numba" or "torch".
    net_ : skorch.NeuralNet
        What trained it (in mode "readout", the head); ``net_.history`` has the loss of each
        epoch, in nats per step (relative to a noise of one training standard deviation if
        `noise_std` is estimated).
    converged_ : bool
        See `GRUPredictor`.
    training_loss_ : ndarray of shape (20,)
        See `GRUPredictor`.
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
