"""What one would write in torch: the loops that recurrence.py and transformer.py compare with."""

import time
from concurrent.futures import ProcessPoolExecutor

import numpy as np
import torch
from measure import CORES
from torch import nn

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
    seconds, tokens = 0.0, X.dtype.kind == "i"
    data = torch.as_tensor(X, dtype=torch.long if tokens else torch.float32)
    n_kinds = int(X.max()) + 1 if tokens else X.shape[2]
    for seed in range(n_seeds):
        torch.manual_seed(seed)
        embedding = nn.Embedding(n_kinds, width) if tokens else nn.Linear(n_kinds, width)
        model = Transformer(embedding, X.shape[1] - 1, width, n_kinds)
        optimizer = torch.optim.AdamW(model.parameters(), lr=1e-3, weight_decay=DECAY)
        order = torch.empty(0, dtype=torch.long)
        for update in range(n_updates + 1):
            if update == 1:
                start = time.process_time()
            if len(order) < BATCH:
                order = torch.randperm(len(data))
            batch, order = data[order[:BATCH]], order[BATCH:]
            with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
                output = model(batch[:, :-1])
            output, target = output.float(), batch[:, 1:]
            if tokens:
                loss = nn.functional.cross_entropy(output.flatten(0, 1), target.flatten())
            else:
                loss = nn.functional.mse_loss(output, target)
            optimizer.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            optimizer.step()
        seconds += time.process_time() - start
    return seconds
