"""The one place that decides which engine trains a network."""

from importlib.util import find_spec

from torch import nn

from ._kernels import GRU, LSTM, RNN

KINDS = {nn.RNN: RNN, nn.GRU: GRU, nn.LSTM: LSTM}
# Measured on two cores with one seed of 1024 units: 3.2 (RNN), 3.2 (GRU) and 1.2 (LSTM) times as
# fast as torch. In training states of a thread take up to 202 MB there (LSTM, 256 steps).
MAX_HIDDEN = 1024
# Of tokens, measured on one core: 1.3 to 3.7 times as fast as torch with 5,000 and 64 steps. Each
# block of sequences has gradients of its own, which take memory.
MAX_TOKENS = 5000
# Each block of sequences begins by copying all weights of the head, which short sequences do not
# make up for: 0.7 to 0.9 times as fast as torch where there are more weights than this a step.
_HEAD_WEIGHTS_A_STEP = 12_000
# Seconds that torch takes for one step of one update: measured on two cores.
_TORCH_SECONDS = {nn.RNN: 5e-5, nn.GRU: 1.5e-4, nn.LSTM: 1.5e-4}
# A fit that takes torch longer than this is worth reading a kernel from the disk, which takes as
# long, once in a process, and on each machine five to ten seconds for compiling it, for all sizes
# of a cell: a fit seldom comes alone. A little more than .15, where rounding would decide.
_WORTH_SECONDS = 0.151


def choose_engine(engine, core, *, device, n_steps, max_steps, no_kernel="", n_tokens=0):
    """Return "numba" or "torch" for the training of a core.

    The choice depends on the network and on the size of its fit alone, not on what has been
    compiled before nor on how many replicas train together: the two engines round differently.

    Parameters
    ----------
    engine : {"auto", "numba", "torch"}
        "auto" takes numba where it can, but for tiny fits, and short sequences of many tokens.
    core : torch.nn.Module
        The core.
    device : str
        Device of torch.
    n_steps : int
        Steps of a sequence.
    max_steps : int
        Updates.
    no_kernel : str, default=""
        Why there is no kernel for the loss; empty if there is one.
    n_tokens : int, default=0
        Size of the vocabulary if tokens are predicted.

    Returns
    -------
    str

    Raises
    ------
    ValueError
        If numba is asked for and cannot be used.
    """
    if engine == "torch":
        return "torch"
    obstacle = _obstacle(core, device, no_kernel, n_tokens)
    if engine == "numba":
        if obstacle:
            raise ValueError(
                f"engine='numba' cannot train this network: {obstacle}. Use engine='auto'."
            )
        return "numba"
    if obstacle:
        return "torch"
    worth = _TORCH_SECONDS[type(core)] * n_steps * max_steps > _WORTH_SECONDS
    short = n_tokens * core.hidden_size > _HEAD_WEIGHTS_A_STEP * n_steps
    return "numba" if worth and not short else "torch"


def _obstacle(core, device, no_kernel, n_tokens):
    """Return why numba cannot train a core, or an empty string."""
    if type(core) not in KINDS:
        return f"its core is {type(core).__name__}, not nn.RNN, nn.GRU or nn.LSTM"
    if str(device) != "cpu":
        return f"it runs on device {device!r}, not on the CPU"
    if no_kernel:
        return no_kernel
    if find_spec("numba") is None:
        return "numba is not installed"
    if core.hidden_size > MAX_HIDDEN:
        return f"it has {core.hidden_size} hidden units, more than {MAX_HIDDEN}"
    if n_tokens > MAX_TOKENS:
        return f"its vocabulary has {n_tokens} tokens, more than {MAX_TOKENS}"
    if not all(parameter.requires_grad for parameter in core.parameters()):
        return "some of its weights are frozen"
    if core._forward_hooks or core._forward_pre_hooks:
        return "its core has hooks"
    if is_plain(core):
        return ""
    return "its core is not one plain batch-first layer with tanh and biases"


def is_plain(core):
    """Return whether a core is one plain layer of torch's RNN, GRU or LSTM, and nothing more.

    Parameters
    ----------
    core : torch.nn.Module
        The core.

    Returns
    -------
    bool
    """
    return (
        type(core) in KINDS
        and core.num_layers == 1
        and not core.bidirectional
        and core.batch_first
        and core.bias
        and core.dropout == 0
        and core.proj_size == 0
        and getattr(core, "nonlinearity", "tanh") == "tanh"
        and not core._forward_hooks
        and not core._forward_pre_hooks
    )
