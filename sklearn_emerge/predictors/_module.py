"""A predictor around a torch module of somebody's own."""

from copy import deepcopy

from torch import nn

from .._docs import fill_doc
from .._random import seed_sequence
from ..networks import recurrent_weights
from ..training import isolated_torch
from ._neural import NeuralPredictor


@fill_doc
class ModulePredictor(NeuralPredictor):
    """Next-step predictor around a torch module of your own.

    The module turns inputs into hidden states; scaling, clock, linear head, training modes
    and likelihood are those of `GRUPredictor`.

    Parameters
    ----------
    module : callable
        Called with the number of input channels (one more than the channels of the data if
        there is a clock); returns a new `torch.nn.Module` that maps (n_sequences, n_steps,
        n_inputs) to hidden states (n_sequences, n_steps, n_hidden) or to a tuple that starts
        with them. It must be causal, which is checked. A copy is trained, from the weights that
        the module has: ``lambda n_inputs: copy.deepcopy(net)`` starts from those of a trained
        ``net``, whatever the `random_state`, which then draws the head and the batches only.
        Matrices named `weight_hh...` are those that ``training="scrambled"`` permutes.
    training : {"full", "readout", "random", "scrambled"}, default="full"
        %(training)s
    head : {"exact", "sgd"}, default="exact"
        %(head)s
    max_steps : int, default=1000
        Updates of the optimiser.
    batch_size : int, default=64
        Sequences an update, in reshuffled epochs.
    lr : float, default=1e-3
        Step size of Adam; that of `GRUPredictor` is ten times as large, which not every module
        bears.
    likelihood : str, default="auto"
        %(likelihood_of_network)s
    noise_std : float, array-like, "estimate" or "auto", default="auto"
        %(noise_std_of_network)s
    n_tokens : int or "auto", default="auto"
        %(n_tokens)s
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
        Of modules that are not one plain layer of torch's RNN, GRU or LSTM it is torch.
    callbacks : list of skorch callbacks or None, default=None
        %(callbacks)s
    random_state : int, Generator, SeedSequence or None, default=None
        Stream of initial weights and batches.

    Attributes
    ----------
    network_ : torch.nn.Module
        The trained network, a core and a head.
    net_ : skorch.NeuralNet
        %(net_)s
    engine_ : str
        What computed the training, "numba" or "torch".
    converged_ : bool
        %(network_converged_)s
    training_loss_ : ndarray of shape (20,)
        %(training_loss_)s
    n_parameters_ : int
        Number of weights, head included.
    noise_std_ : ndarray of shape (n_channels,)
        The standard deviation in use.

    Examples
    --------
    >>> from functools import partial
    >>> from torch import nn
    >>> from sklearn_emerge import ModulePredictor
    >>> from sklearn_emerge.datasets import make_drift
    >>> X = make_drift(20, random_state=0).X
    >>> core = partial(nn.GRU, hidden_size=3, batch_first=True)
    >>> ModulePredictor(core, max_steps=2, random_state=0).fit(X).transform(X).shape
    (20, 64, 3)
    """

    # A module may keep more than its state_dict.
    _resumable = False
    _parameter_constraints = {**NeuralPredictor._parameter_constraints, "module": [callable]}

    def __init__(
        self,
        module,
        *,
        training="full",
        head="exact",
        max_steps=1000,
        batch_size=64,
        lr=1e-3,
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
        self.module = module

    @property
    def training_modes(self):
        """Modes that `training` may be: not "scrambled" without weights named `weight_hh...`.

        Before `fit` the module is built for one channel to find out.
        """
        # Their means are known as soon as the channels are.
        n_inputs = len(getattr(self, "input_center_", [0])) + (self.time_channel is not None)
        with isolated_torch(seed_sequence(0), self.device):
            core = self._build_core(n_inputs)
        modes = super().training_modes
        return modes if recurrent_weights(core) else modes[:-1]

    def _validate_params(self):
        super()._validate_params()
        if isinstance(self.module, nn.Module):
            raise ValueError(
                f"module is a {type(self.module).__name__}, but what is called with the number "
                "of inputs and returns a new module is needed; pass a class, or "
                "lambda n_inputs: copy.deepcopy(net) to start from the weights of a network."
            )

    def _build_core(self, n_inputs):
        core = self.module(n_inputs)
        if not isinstance(core, nn.Module):
            raise ValueError(
                f"module={self.module!r} returned {type(core).__name__} when called with the "
                f"number of inputs, {n_inputs}; it must return a torch.nn.Module."
            )
        with isolated_torch(seed_sequence(0), self.device):
            again = self.module(n_inputs)
        if again is core:
            raise ValueError(
                f"module={self.module!r} returned the same {type(core).__name__} twice, so that "
                "all seeds would have the same initial weights; return a new one each time, or, "
                "to start from the weights of a trained network, a copy: "
                "lambda n_inputs: copy.deepcopy(net)."
            )
        # The new module may still share weights with another that is not ours to change.
        return deepcopy(core)
