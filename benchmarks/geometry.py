"""What a visit of geometry to a small transformer costs: ours against what one would write plainly.

    python benchmarks/geometry.py [--steps 300]

The network has two blocks of 128 units, 27 tokens and rows of 20. Seconds are those of the
processor, on one thread; memory is how much the peak rises over what was there before, as Linux
counts it. Each runs in a process of its own.
"""

import argparse

import numpy as np
import torch
from measure import alone

from sklearn_emerge import AlgorithmicWorld, TransformerPredictor
from sklearn_emerge.geometry import (
    gradient_gram,
    hessian_top,
    hessian_trace,
    rankme,
)
from sklearn_emerge.geometry._chains import Chains, Dynamics
from sklearn_emerge.geometry._rows import evaluated, rows_at
from sklearn_emerge.measures import answer_dimensionality, answer_scores
from sklearn_emerge.measures._answer_geometry import answer_loss, rows_of
from sklearn_emerge.measures._answers import rows_of_answers

TASK, N_CHAINS, N_STEPS, ROWS_PER_STEP = "MOD", 2, 20, 64


def scores(model, sample):
    """Return scores of answers."""
    return float(answer_scores(model, sample, n_rows=425).sel(score="nll").mean())


def scores_plainly(model, sample):
    """Return the mean loss of answers, by the scores of all steps."""
    rows = rows_of_answers(sample.world, 425, 0)
    loss = -model.score_steps(rows.X) * rows.scored[:, 1:]
    of_row = loss.sum(axis=1) / rows.scored[:, 1:].sum(axis=1)
    cells = {(t, k) for t, k in zip(rows.task, rows.level, strict=True)}
    return float(np.mean([of_row[(rows.task == t) & (rows.level == k)].mean() for t, k in cells]))


def ranks(model, sample):
    """Return the mean RankMe of all tasks, levels and layers."""
    found = answer_dimensionality(model, sample, n_rows=200)
    return float(found.sel(dimensionality="rankme").mean())


def ranks_plainly(model, sample):
    """Return the same, with a pass for each layer."""
    rows = rows_of_answers(sample.world, 200, 0)
    places = ["embedding", "layer 1 output", "layer 2 output", "hidden"]
    found = []
    for task in sample.world.tasks:
        for level in sample.world.levels:
            asked = (rows.task == task) & (rows.level == level)
            X = rows.X[asked][:, : rows.answer_start[asked][0]]
            found += [
                rankme(model.at_length(X.shape[1]).states(X, place)[:, -1]) for place in places
            ]
    return float(np.mean(found))


def gram(network, batch):
    """Return the trace of the products of gradients of rows."""
    return float(np.trace(gradient_gram(network, answer_loss, batch).gram))


def gram_plainly(network, batch):
    """Return the same, with a backward pass for each row."""
    with evaluated(network) as copy:
        parameters = list(copy.requires_grad_(True).parameters())
        rows = []
        for i in range(len(batch[0])):
            loss = answer_loss(copy, rows_at(batch, slice(i, i + 1))).sum()
            parts = torch.autograd.grad(loss, parameters, allow_unused=True, materialize_grads=True)
            rows.append(torch.cat([part.flatten() for part in parts]))
        G = torch.stack(rows)
        return float((G @ G.T).double().trace())


def product(copy, batch, vector):
    """Return the Hessian times a vector, from the loss on."""
    parameters = list(copy.parameters())
    loss = answer_loss(copy, batch).mean()
    options = dict(allow_unused=True, materialize_grads=True)
    gradients = torch.autograd.grad(loss, parameters, create_graph=True, **options)
    slope = torch.cat([g.flatten() for g in gradients]) @ vector
    return torch.cat([p.flatten() for p in torch.autograd.grad(slope, parameters, **options)])


def top(network, batch):
    """Return the largest eigenvalue of the Hessian, and the products for it over all rows."""
    found = hessian_top(network, answer_loss, batch)
    return found.value, found.n_products, found.residual


def top_plainly(network, batch, n_products):
    """Return the same by as many products in a power iteration."""
    with evaluated(network) as copy:
        n = sum(p.numel() for p in copy.requires_grad_(True).parameters())
        vector = torch.randn(n, generator=torch.Generator().manual_seed(0))
        for _ in range(n_products):
            vector = vector / vector.norm()
            next_vector = product(copy, batch, vector)
            value, vector, last = float(next_vector @ vector), next_vector, vector
        return value, n_products, float((next_vector - value * last).norm())


def trace(network, batch):
    """Return the trace of the Hessian by 16 probes."""
    return hessian_trace(network, answer_loss, batch, random_state=0).value


def trace_plainly(network, batch):
    """Return the same, each product from the loss on."""
    rng, found = np.random.default_rng(0), []
    with evaluated(network) as copy:
        n = sum(p.numel() for p in copy.requires_grad_(True).parameters())
        for _ in range(16):
            probe = torch.from_numpy(rng.choice([-1.0, 1.0], n)).float()
            found.append(float(probe @ product(copy, batch, probe)))
    return float(np.mean(found))


def coefficient(network, batch, n_steps):
    """Return the coefficient after some steps, without the curvature by which they are chosen."""
    dynamics = Dynamics(
        n_beta=100.0, localisation=3000.0, step_size=1e-6, rows_per_step=ROWS_PER_STEP
    )
    with evaluated(network) as copy:
        losses, stream = answer_loss(copy, batch), np.random.SeedSequence(0)
        chains = Chains(copy, answer_loss, batch, losses, N_CHAINS, dynamics, stream)
        return 100 * float(chains.run(0, n_steps).mean())


def coefficient_plainly(network, batch, n_steps):
    """Return the same, one chain after the other with steps of an optimiser."""
    rises = []
    for chain in range(N_CHAINS):
        generator = torch.Generator().manual_seed(chain)
        with evaluated(network) as copy, evaluated(network) as start:
            optimizer = torch.optim.SGD(copy.requires_grad_(True).parameters(), lr=5e-7)
            for _ in range(n_steps):
                order = torch.randperm(len(batch[0]), generator=generator)
                rows = rows_at(batch, order[:ROWS_PER_STEP])
                loss = answer_loss(copy, rows).mean()
                rises.append(float(loss.detach() - answer_loss(start, rows).mean()))
                optimizer.zero_grad()
                (100 * loss).backward()
                with torch.no_grad():
                    for p, w in zip(copy.parameters(), start.parameters(), strict=True):
                        p.grad += 3000 * (p - w)
                optimizer.step()
                with torch.no_grad():
                    for p in copy.parameters():
                        p += 1e-3 * torch.empty_like(p).normal_(generator=generator)
    return 100 * float(np.mean(rises))


def main():
    """Print the table."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--steps", type=int, default=300, help="updates of training")
    n_updates = parser.parse_args().steps
    world = AlgorithmicWorld()
    train, sample = world.split(20_000, 10, random_state=0)
    options = dict(likelihood="categorical", n_tokens=27, head="sgd", random_state=0)
    model = TransformerPredictor(128, 2, max_steps=n_updates, batch_size=64, **options)
    model.fit(train.X)
    network = model.network_
    print(f"{model.n_parameters_} parameters, {n_updates} updates; processor seconds, peak MB")
    print(f"{'':42}{'ours':>8}{'plain':>8}{'ratio':>7}{'MB':>7}{'MB':>7}  what is found")
    rows = rows_of(network, rows_of_answers(world, 90, 0), TASK)
    few, many = rows_at(rows, slice(0, 200)), rows_at(rows, slice(0, 256))

    def line(name, ours, plain, each=1):
        found = (np.array2string(np.array(one.result), precision=4) for one in (ours, plain))
        print(
            f"{name:42}{ours.seconds / each:8.3f}{plain.seconds / each:8.3f}"
            f"{plain.seconds / ours.seconds:7.2f}{ours.more:7.0f}{plain.more:7.0f}  "
            + " ".join(found),
            flush=True,
        )

    both = model, sample
    line("scores, 10,200 rows", alone(scores, *both), alone(scores_plainly, *both))
    line(
        "RankMe, 24 task-levels, 4 layers, 200 rows",
        alone(ranks, *both),
        alone(ranks_plainly, *both),
    )
    line("Gram, 200 rows", alone(gram, network, few), alone(gram_plainly, network, few))
    ours = alone(top, network, many)
    plain = alone(top_plainly, network, many, ours.result[1])
    line("largest curvature, 256 rows, with parts", ours, plain)
    line("trace, 256 rows", alone(trace, network, many), alone(trace_plainly, network, many))
    steps = []
    for function in coefficient, coefficient_plainly:
        short, long = (alone(function, network, many, n) for n in (4, 4 + N_STEPS))
        steps.append(long._replace(seconds=long.seconds - short.seconds))
    line(f"a step of {N_CHAINS} chains, {ROWS_PER_STEP} rows", *steps, each=N_STEPS)


if __name__ == "__main__":
    main()
