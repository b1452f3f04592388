"""Tokens a second of training: the estimator against a plain torch loop of the same model.

    python benchmarks/transformer.py [--steps 20] [--large]

Both run in turn with all threads of torch, on the triangle world. The loop is
`torch.nn.TransformerEncoder` with an embedding, Adam and clipped gradients.
"""

import argparse
import time

import numpy as np
import torch
from torch import nn

from sklearn_emerge import TransformerPredictor, TriangleWorld


class Plain(nn.Module):
    """What a tutorial would write."""

    def __init__(self, n_tokens, context, width, n_layers, n_heads):
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, width)
        self.positions = nn.Parameter(0.02 * torch.randn(context, width))
        layer = nn.TransformerEncoderLayer(
            width,
            n_heads,
            4 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.blocks = nn.TransformerEncoder(
            layer, n_layers, norm=nn.LayerNorm(width), enable_nested_tensor=False
        )
        self.head = nn.Linear(width, n_tokens)
        self.register_buffer("mask", nn.Transformer.generate_square_subsequent_mask(context))

    def forward(self, tokens):
        """Return logits of the next tokens."""
        hidden = self.embedding(tokens) + self.positions
        return self.head(self.blocks(hidden, mask=self.mask, is_causal=True))


def train_plainly(X, width, n_layers, n_heads, n_steps, batch_size):
    """Train by a loop and return the seconds that it took."""
    torch.manual_seed(0)
    data = torch.as_tensor(X)
    model = Plain(int(X.max()) + 1, X.shape[1] - 1, width, n_layers, n_heads)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    start = time.perf_counter()
    order = torch.empty(0, dtype=torch.long)
    for _ in range(n_steps):
        if len(order) < batch_size:
            order = torch.randperm(len(data))
        batch, order = data[order[:batch_size]], order[batch_size:]
        logits = model(batch[:, :-1])
        loss = nn.functional.cross_entropy(logits.flatten(0, 1), batch[:, 1:].flatten())
        optimizer.zero_grad()
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
    return time.perf_counter() - start


def train_ours(X, width, n_layers, n_heads, n_steps, batch_size):
    """Train the estimator and return the seconds that fit took, set-up included."""
    model = TransformerPredictor(
        width,
        n_layers,
        n_heads,
        likelihood="categorical",
        max_steps=n_steps,
        batch_size=batch_size,
        random_state=0,
    )
    start = time.perf_counter()
    model.fit(X)
    return time.perf_counter() - start


def main():
    """Print a table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=20)
    parser.add_argument(
        "--large", action="store_true", help="also the width of *Scaling Down Transformers*, 400"
    )
    options = parser.parse_args()
    print(f"{torch.get_num_threads()} threads; tokens a second of training, median of three")
    print(f"{'width':>6}{'layers':>7}{'context':>8}{'ours':>10}{'plain':>10}{'ratio':>8}")
    sizes = [(32, 2, 4), (64, 2, 4), (128, 2, 4), (256, 2, 8)]
    sizes += [(400, 2, 20)] if options.large else []
    for width, n_layers, n_heads in sizes:
        for context in (45, 90) if width in (64, 256) else (45,):
            X = TriangleWorld(row_length=context + 1).sample(512, random_state=0).X
            arguments = X, width, n_layers, n_heads, options.steps, 64
            times = np.array(
                [(train_ours(*arguments), train_plainly(*arguments)) for _ in range(3)]
            )
            ours, plain = 64 * context * options.steps / np.median(times, axis=0)
            print(
                f"{width:>6}{n_layers:>7}{context:>8}{ours:>10.0f}{plain:>10.0f}"
                f"{ours / plain:>7.2f}x",
                flush=True,
            )


if __name__ == "__main__":
    main()
