"""Adam without what torch calls around it, which takes longer than a small network's update."""

from inspect import unwrap

import torch


class Adam(torch.optim.Adam):
    """`torch.optim.Adam` with an `update` that is its `step` without hooks and profiler.

    torch wraps some of its methods in functions that import a compiler, which takes a second in
    each process that makes an optimiser, and is not used here. These are without.
    """

    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    state_dict = unwrap(torch.optim.Adam.state_dict)
    load_state_dict = unwrap(torch.optim.Adam.load_state_dict)
    zero_grad = unwrap(torch.optim.Adam.zero_grad)
    update = torch.no_grad()(unwrap(torch.optim.Adam.step))
