"""Adam without what torch calls around it, which takes longer than a small network's update."""

from inspect import unwrap

import torch
from torch.optim.adam import adam


class Adam(torch.optim.Adam):
    """`torch.optim.Adam` with an `update` that does nothing but its `step`.

    torch wraps some of its methods in functions that import a compiler, which takes a second in
    each process that makes an optimiser, and is not used here. These are without.
    """

    add_param_group = unwrap(torch.optim.Adam.add_param_group)
    state_dict = unwrap(torch.optim.Adam.state_dict)
    load_state_dict = unwrap(torch.optim.Adam.load_state_dict)
    zero_grad = unwrap(torch.optim.Adam.zero_grad)

    @torch.no_grad()
    def update(self) -> None:
        """Change the weights that have a gradient as `step` does, without hooks or a profiler.

        An optimiser with amsgrad cannot do so.
        """
        for group in self.param_groups:
            weights = [each for each in group["params"] if each.grad is not None]
            states = [self.state[each] for each in weights]
            for each, state in zip(weights, states, strict=True):
                if not state:
                    where = each.device if group["fused"] else "cpu"
                    state |= {"step": torch.zeros((), dtype=torch.float32, device=where)}
                    state |= {name: torch.zeros_like(each) for name in ("exp_avg", "exp_avg_sq")}
            adam(
                weights,
                [each.grad for each in weights],
                *([state[name] for state in states] for name in ("exp_avg", "exp_avg_sq")),
                [],
                [state["step"] for state in states],
                foreach=group["foreach"],
                fused=group["fused"],
                amsgrad=group["amsgrad"],
                beta1=group["betas"][0],
                beta2=group["betas"][1],
                lr=group["lr"],
                weight_decay=group["weight_decay"],
                eps=group["eps"],
                maximize=group["maximize"],
            )
