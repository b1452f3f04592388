"""Geometry of the loss of answers: a network, the loss of rows and the rows, of each task."""

from typing import Any

import numpy as np
import torch
import xarray as xr

from .._random import substream
from .._typing import RandomState
from ..geometry._estimates import ESTIMATES, WORDS, estimate_of, numbers_of, unit_of
from ..networks import is_finite
from ..predictors._neural import NeuralPredictor
from ..worlds import AlgorithmicWorld, Sample
from ._answers import rows_of_answers, world_of_answers
from ._named import named
from ._reasons import explained, flags_of

_NAMES = {"estimate": "what was estimated", "task": "task"}
# Tokens of rows, and which of them are of answers.
Rows = tuple[torch.Tensor, torch.Tensor]


def answer_geometry(
    predictor: NeuralPredictor,
    sample: Sample,
    of: str = "gradient_rank",
    *,
    n_rows: int = 70,
    pooled: bool = False,
    random_state: RandomState = 0,
    **options: Any,
) -> xr.DataArray:
    r"""Return what a function of `sklearn_emerge.geometry` finds of the answers to each task.

    Made for ``EmergenceAssessment(measures={"gradients": (answer_geometry, [0, 1000])})``, with
    other arguments by `functools.partial`. The loss of a row is the negative log-likelihood of its
    answer, :math:`-\sum_i \ln p(y_i \mid x, y_1 \ldots y_{i-1})`, in nats, in evaluation mode.

    Parameters
    ----------
    predictor : NeuralPredictor
        Fitted on tokens, without a clock, as a `TransformerPredictor`.
    sample : Sample
        Sequences of an `AlgorithmicWorld`, or of its null "permuted".
    of : str, default="gradient_rank"
        The function: "gradient_rank", "fisher_rank", "hessian_top", "hessian_trace" or
        "local_learning_coefficient", which takes longest. Answers of "fisher_rank" are drawn from
        the network, token by token. The ``blind_loss`` of "local_learning_coefficient" is that of
        the task, see `AlgorithmicWorld.chance`, unless one is given for all of them: where a task
        is not learned the coefficient is not trusted.
    n_rows : int, default=70
        Rows of each task and level that the world of the sample draws. Those of all levels of a
        task are taken together.
    pooled : bool, default=False
        Whether the rows of all tasks are taken together, as one loss.
    random_state : int, Generator, SeedSequence or None, default=0
        The stream of these rows, and of what the function draws; a number makes them the same at
        all updates and seeds.
    **options
        Further arguments of the function, such as ``normalised=True``.

    Returns
    -------
    xarray.DataArray of dimensions (estimate, task), or (estimate,) if pooled
        The numbers in what the function returns, by their names: "value", "standard_error", "n"
        and others, such as "participation_ratio" and "trace"; "trusted", which is 1 or 0; and
        "reasons" not to trust it, as bits, which `reasons_of` says in words. NaN where a network
        has diverged.

    Raises
    ------
    ValueError
        If the sequences have no answers, the predictor is no network that was fitted on their
        tokens, it has a clock, or an argument is out of range.

    See Also
    --------
    answer_dimensionality : The rank of hidden states.
    reasons_of : Why estimates are not to be trusted.

    Notes
    -----
    "local_learning_coefficient" takes many more steps with a head in closed form (``head="exact"``)
    than with one that was trained, whose weights are smaller. The loss is steeper by the square of
    the head: with weights of norm 17.5 instead of 2.7 its largest curvature was 28 times as large,
    the steps as much smaller, and chains as much longer, so long that "auto" refuses them. A step
    takes the same time. Pass ``preconditioner="rmsprop"``, which was 6 times as quick, a larger
    ``localisation``, or use ``head="sgd"``.

    Examples
    --------
    >>> from sklearn_emerge import AlgorithmicWorld, TransformerPredictor
    >>> from sklearn_emerge.measures import answer_geometry
    >>> world = AlgorithmicWorld(["COPY", "SORT"], [1], row_length=10)
    >>> train, evaluation = world.split(500, 100, random_state=0)
    >>> model = TransformerPredictor(
    ...     16, n_layers=1, likelihood="categorical", n_tokens=27, max_steps=20, random_state=0
    ... ).fit(train.X)
    >>> found = answer_geometry(model, evaluation, "fisher_rank")
    >>> found.estimate.values.tolist()
    ['value', 'standard_error', 'n', 'participation_ratio', 'trace', 'n_parameters', 'trusted',
    'reasons']
    >>> found.sel(estimate="n").values.tolist(), bool((found.sel(estimate="value") > 2).all())
    ([70.0, 70.0], True)
    """
    world = world_of_answers(sample, predictor)
    if of not in ESTIMATES:
        raise ValueError(f"of={of!r} is not known; choose from {', '.join(map(repr, ESTIMATES))}.")
    if not isinstance(predictor, NeuralPredictor):
        raise ValueError(f"{type(predictor).__name__} has no gradients; pass a network.")
    if predictor.time_channel is not None:
        raise ValueError(
            f"time_channel={predictor.time_channel!r}: geometry is that of networks whose input "
            "are tokens alone; fit the network with time_channel=None."
        )
    rows = rows_of_answers(world, n_rows, random_state)
    numbers = [*numbers_of(ESTIMATES[of][1]), "trusted"]
    groups = [world.tasks] if pooled else [(task,) for task in world.tasks]
    found = np.full((len(numbers) + 1, len(groups)), np.nan)
    network = predictor.network_
    for i, tasks in enumerate(groups if is_finite(network) else ()):
        batch = rows_of(network, rows, *tasks)
        own = {
            "random_state": substream(random_state, of, *tasks),
            "draw": draw_answers,
            "blind_loss": blind_loss(world, rows, *tasks),
        }
        result = estimate_of(of, network, answer_loss, batch, own, options)
        found[:, i] = [*(getattr(result, name) for name in numbers), flags_of(result)]
    coords = {"estimate": [*numbers, "reasons"], "task": list(world.tasks)}
    if pooled:
        found = found[:, 0]
        del coords["task"]
    names = {name: _NAMES[name] for name in coords}
    by_number = {number: unit_of(of, number) for number in numbers}
    units = [f"{unit} for {number}" for number, unit in by_number.items() if unit != "1"]
    long_name = f"{WORDS[of]}, of the loss of answers"
    return explained(named(found, coords, names, long_name, ", ".join(["1", *units])))


def rows_of(network: torch.nn.Module, sample: Sample, *tasks: str) -> Rows:
    """Return the rows of tasks as geometry takes them, where the network is."""
    asked, device = np.isin(sample.task, tasks), next(network.parameters()).device
    tokens, scored = (torch.as_tensor(each[asked]) for each in (sample.X, sample.scored))
    return tokens.long().to(device), scored.to(device)


def blind_loss(world: AlgorithmicWorld, sample: Sample, *tasks: str) -> float:
    """Return the mean loss of the rows of tasks of the best guess that sees no operands."""
    asked = np.isin(sample.task, tasks)
    names = {name: xr.DataArray(sample[name][asked], dims="row") for name in ("task", "level")}
    nats = world.chance.sel(score="nll", **names).values
    return float((nats * sample.scored[asked].sum(axis=1)).mean())


def answer_loss(network: Any, rows: Rows) -> torch.Tensor:
    """Return the negative log-likelihood of the answer of each row."""
    tokens, scored = rows
    logits = network(_inputs(network, tokens[:, :-1])).transpose(1, 2)
    loss = torch.nn.functional.cross_entropy(logits, tokens[:, 1:], reduction="none")
    return (loss * scored[:, 1:]).sum(dim=1)


def draw_answers(network: Any, rows: Rows, generator: torch.Generator) -> Rows:
    """Return rows with answers drawn from the network, token by token."""
    tokens, scored = rows[0].clone(), rows[1]
    for step in range(1, tokens.shape[1]):
        asked = scored[:, step]
        if asked.any():
            logits = network(_inputs(network, tokens[asked, :step]))[:, -1]
            shares = logits[:, : AlgorithmicWorld.n_tokens].softmax(dim=1)
            tokens[asked, step] = torch.multinomial(shares, 1, generator=generator)[:, 0]
    return tokens, scored


def _inputs(network: torch.nn.Module, tokens: torch.Tensor) -> torch.Tensor:
    """Return tokens as the network takes them."""
    return tokens[..., None].to(next(network.parameters()).dtype)
