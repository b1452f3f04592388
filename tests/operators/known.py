"""Recurrent networks whose map is known, as modules of a user."""

import torch
from torch import nn

from sklearn_emerge import ModulePredictor
from sklearn_emerge.dynamics import euler_step


class Recurrence(nn.Module):
    """A state that moves by a function of itself and the input; the hidden states are the state."""

    def __init__(self, step, n_state):
        super().__init__()
        self.move, self.n_state = step, n_state
        # What parameters there are in a network.
        self.unused = nn.Linear(1, 1)

    def forward(self, inputs, state=None):
        if state is None:
            state = inputs.new_zeros(len(inputs), self.n_state)
        states = []
        for x in inputs.unbind(dim=1):
            state = self.move(state, x)
            states.append(state)
        return torch.stack(states, dim=1), state


def known_predictor(step, n_state, X, coef, intercept=0.0):
    """Return a fitted predictor whose state moves by a step and which predicts coef @ state."""
    coef = torch.as_tensor(coef, dtype=torch.float64).reshape(-1, n_state)
    head = nn.Linear(n_state, len(coef)).double()
    with torch.no_grad():
        head.weight.copy_(coef)
        head.bias.fill_(intercept)
    core = Recurrence(step, n_state).double()
    return ModulePredictor.from_trained(core, head, random_state=0).fit(X)


def oscillator_predictor(X):
    """Return an observer of the oscillator: what enters corrects its first state by a half.

    In closed loop there is nothing to correct, so that it is the oscillator.
    """

    def step(state, x):
        corrected = (state[:, 0] + x[:, 0]) / 2
        return torch.stack(euler_step(corrected, state[:, 1], 1.0, 0.05), dim=1)

    return known_predictor(step, 2, X, [[1.0, 0.0]])
