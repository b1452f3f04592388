"""What one would write in torch: the loops that recurrence.py and transformer.py compare with."""

import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from measure import CORES
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from sklearn_emerge._losses import CategoricalLoss
from sklearn_emerge.networks import SequenceNetwork

BATCH = 64
# Of recurrent networks.
STEPS, SEQUENCES = 256, 640
# Of transformers.
N_LAYERS, N_HEADS, DECAY = 2, 4, 0.01


def tokens_of(n_tokens):
    """Return sequences of random tokens."""
    return np.random.default_rng(0).integers(n_tokens, size=(SEQUENCES, STEPS))


def torch_updates(kind, n_units, updates, n_tokens=None, n_threads=1):
    """Return the seconds that plain torch takes for some updates of one seed."""
    torch.set_num_threads(n_threads)
    layer = {"rnn": nn.RNN, "gru": nn.GRU, "lstm": nn.LSTM}[kind]
    X, y = torch.randn(SEQUENCES, STEPS - 1, 2), torch.randn(SEQUENCES, STEPS - 1, 1)
    n_inputs, loss_of = 2, nn.functional.mse_loss
    if n_tokens is not None:
        # A token and the clock.
        tokens = torch.from_numpy(tokens_of(n_tokens)).float()[..., None]
        X, y = torch.cat([tokens[:, :-1], X[..., :1]], dim=2), tokens[:, 1:]
        n_inputs, loss_of = n_tokens + 1, CategoricalLoss()
    core = layer(n_inputs, n_units, batch_first=True)
    network = SequenceNetwork(core, n_units, n_tokens or 1, n_tokens)
    optimiser = torch.optim.Adam(network.parameters(), lr=1e-3)
    start = time.perf_counter()
    for _ in range(updates):
        rows = torch.randint(SEQUENCES, (BATCH,))
        optimiser.zero_grad()
        loss_of(network(X[rows]), y[rows]).backward()
        optimiser.step()
    return time.perf_counter() - start


def time_torch(kind, n_units, updates, n_tokens, n_seeds):
    """Return milliseconds of an update of all seeds: the best of one process and one a core.

    One process has one thread, or one a core, as ours has.
    """
    alone = []
    for n_threads in dict.fromkeys([1, CORES]):
        torch_updates(kind, n_units, 2, n_tokens, n_threads)
        alone.append(torch_updates(kind, n_units, updates, n_tokens, n_threads))
    single = n_seeds * min(alone) / updates
    if n_seeds == 1:
        return 1e3 * single
    with ProcessPoolExecutor(CORES) as pool:
        # Each process takes an equal share of the updates of the seeds.
        share = -(-n_seeds * updates // CORES)
        few, many = ([(kind, n_units, n, n_tokens)] * CORES for n in (2, share))
        list(pool.map(torch_updates, *zip(*few, strict=True)))
        start = time.perf_counter()
        list(pool.map(torch_updates, *zip(*many, strict=True)))
        parallel = (time.perf_counter() - start) / (CORES * share) * n_seeds
    return 1e3 * min(single, parallel)


class Transformer(nn.Module):
    """What a tutorial would write."""

    def __init__(self, embedding, context, width, n_outputs):
        super().__init__()
        self.embedding = embedding
        self.positions = nn.Parameter(0.02 * torch.randn(context, width))
        layer = nn.TransformerEncoderLayer(
            width,
            N_HEADS,
            4 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.blocks = nn.TransformerEncoder(
            layer, N_LAYERS, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head = nn.Linear(width, n_outputs)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(context))

    def forward(self, inputs):
        """Return the outputs for the next steps."""
        hidden = self.embedding(inputs) + self.positions
        return self.head(self.blocks(hidden, mask=self.mask, is_causal=True))


def time_transformer(X, width, n_seeds, n_updates, precision):
    """Return the processor seconds of updates of transformers, one seed after another."""
    seconds, (data, n_kinds) = 0.0, _data_of(X)
    for seed in range(n_seeds):
        model, orders = _transformer_of(data, n_kinds, width, seed), _orders(len(data))
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=DECAY)
        for update in range(n_updates + 1):
            if update == 1:
                start = time.process_time()
            loss = _loss_of(model, data[next(orders)], precision)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        seconds += time.process_time() - start
    return seconds


def time_stacked(X, width, n_seeds, n_updates, precision):
    """Return the processor seconds of updates of transformers, all seeds at once by torch.vmap."""
    data, n_kinds = _data_of(X)
    models = [_transformer_of(data, n_kinds, width, seed) for seed in range(n_seeds)]
    orders = [_orders(len(data)) for _ in models]
    weights, buffers = torch.func.stack_module_state(models)
    optimizer = torch.optim.AdamW(weights.values(), lr=1e-3, weight_decay=DECAY)

    def loss_of(weights, buffers, batch):
        def network(inputs):
            return torch.func.functional_call(models[0], (weights, buffers), (inputs,))

        return _loss_of(network, batch, precision)

    for update in range(n_updates + 1):
        if update == 1:
            start = time.process_time()
        batches = torch.stack([data[next(order)] for order in orders])
        # vmap would repeat the other kernels of attention seed by seed.
        with sdpa_kernel(SDPBackend.MATH):
            losses = torch.vmap(loss_of)(weights, buffers, batches)
        optimizer.zero_grad()
        losses.sum().backward()
        # Of each seed by itself.
        squares = [weight.grad.flatten(1).square().sum(1) for weight in weights.values()]
        factors = (1 / torch.stack(squares).sum(0).sqrt()).clamp(max=1.0)
        for weight in weights.values():
            weight.grad *= factors.view(-1, *[1] * (weight.ndim - 1))
        optimizer.step()
    return time.process_time() - start


def _data_of(X):
    """Return sequences as a tensor, and the number of tokens or channels."""
    if X.dtype.kind == "i":
        return torch.as_tensor(X, dtype=torch.long), int(X.max()) + 1
    return torch.as_tensor(X, dtype=torch.float32), X.shape[2]


def _transformer_of(data, n_kinds, width, seed):
    """Return a transformer for the data."""
    torch.manual_seed(seed)
    tokens = not data.is_floating_point()
    embedding = nn.Embedding(n_kinds, width) if tokens else nn.Linear(n_kinds, width)
    return Transformer(embedding, data.shape[1] - 1, width, n_kinds)


def _orders(n):
    """Yield the rows of batches."""
    order = torch.empty(0, dtype=torch.long)
    while True:
        if len(order) < BATCH:
            order = torch.randperm(n)
        rows, order = order[:BATCH], order[BATCH:]
        yield rows


def _loss_of(network, batch, precision):
    """Return the loss of the next steps."""
    with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
        output = network(batch[:, :-1])
    output, target = output.float(), batch[:, 1:]
    if target.is_floating_point():
        return nn.functional.mse_loss(output, target)
    return nn.functional.cross_entropy(output.flatten(0, 1), target.flatten())
