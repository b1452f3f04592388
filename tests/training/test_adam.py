"""Adam without what torch calls around it."""

import subprocess
import sys

import torch

from sklearn_emerge.training._adam import Adam


def steps(optimizer, weights, update):
    """Change weights by random gradients, the last of them only at some steps."""
    generator = torch.Generator().manual_seed(0)
    for step in range(20):
        for each in weights:
            each.grad = torch.randn(each.shape, generator=generator)
        if step % 3:
            weights[-1].grad = None
        optimizer.param_groups[0]["lr"] = 0.1 / (1 + step)
        update()


def test_updates_are_the_steps_of_torch():
    found = []
    for method in ("step", "update"):
        weights = [torch.nn.Parameter(torch.ones(shape)) for shape in ((3, 50), (7,), (4, 2))]
        optimizer = (torch.optim.Adam if method == "step" else Adam)(weights, eps=1e-6)
        steps(optimizer, weights, getattr(optimizer, method))
        found.append((weights, optimizer.state_dict()))
    (weights, state), (expected, expected_state) = found
    assert all(map(torch.equal, weights, expected))
    assert state["state"].keys() == expected_state["state"].keys() == {0, 1, 2}
    for k, values in state["state"].items():
        assert all(torch.equal(expected_state["state"][k][name], values[name]) for name in values)
    # One goes on from the state of the other.
    other = Adam(weights)
    other.load_state_dict(expected_state)
    assert other.param_groups[0]["eps"] == 1e-6
    assert torch.equal(other.state[weights[0]]["exp_avg"], state["state"][0]["exp_avg"])


def test_compiled_scans_do_not_import_a_compiler_of_torch():
    code = (
        "import sys; from sklearn_emerge import RNNPredictor, OscillatorWorld\n"
        "X = OscillatorWorld(n_steps=8).sample(64, random_state=0).X\n"
        "for training in ('full', 'random'):\n"
        "    RNNPredictor(3, training=training, max_steps=2, engine='numba').fit(X).score(X)\n"
        "print('torch._dynamo' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
