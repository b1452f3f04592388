"""Parts of docstrings that repeat: written once, and filled in by `fill_doc`."""

import re
from collections.abc import Callable
from typing import Any, TypeVar

T = TypeVar("T", bound=type | Callable[..., Any])

DOCDICT = {
    "likelihood": """\
Likelihood of `score`: "gaussian" or "student_t" (heavy tails) of quantities, "bernoulli" of
zeros and ones, "poisson" or "negative_binomial" of counts, "categorical" of tokens, for
predictors that know them. "auto" is Gaussian, or in an assessment that of the world.""",
    "noise_std": """\
Standard deviation of the Gaussian in units of the data, of all channels or of each
(n_channels,); of Student's t the scale. "estimate" takes the root mean
square error on the training data; "auto" does so too, or in an assessment takes the
world's.""",
    "noise_std_held_out": """\
Standard deviation of the Gaussian in units of the data, of all channels or of each
(n_channels,); of Student's t the scale. "estimate" takes the root mean
square error of sequences left out; "auto" does so too, or in an assessment takes the
world's.""",
    "n_tokens": """\
Size of the vocabulary under the categorical likelihood. "auto" is one more than the
largest token of the training data, or in an assessment that of the world.""",
    "n_exogenous": """\
How many of the last channels of X are exogenous: they drive the others, so that they are
seen, but never predicted. Those of step t are seen when step t + 1 is predicted. "auto" is
none, or in an assessment as many as the world has.""",
    "n_exogenous_unused": """\
How many of the last channels of X are exogenous, and neither predicted nor used here. "auto"
is none, or in an assessment as many as the world has.""",
    "feedback": """\
Whether what is predicted is seen, too. False predicts it from the exogenous channels alone,
as a network that is trained on a task is not fed its outputs. "auto" is True, or in an
assessment what the world states.""",
    "likelihood_of_network": """\
What is maximised and scored: "gaussian" or "student_t" (heavy tails) of quantities,
"bernoulli" of zeros and ones, "poisson" or "negative_binomial" of counts, "categorical" of
tokens. "auto" is Gaussian, or in an assessment that of the world.""",
    "noise_std_of_network": """\
Standard deviation of the Gaussian in units of the data, of all channels or of each
(n_channels,); of Student's t the scale. "estimate" takes the root mean
square error of sequences left out when the head is fitted to the hidden states, and else
that on the training data; "auto" does so too, or in an assessment takes the world's.""",
    "training": """\
Train everything; the head alone; nothing; or everything, and then permute the entries
of the recurrent weights. All start from the same weights for the same `random_state`.""",
    "head": """\
How the head is found. "exact" fits it to the hidden states of the training sequences
once the core is what it will be, with the penalty by cross-validation over sequences:
ridge regression, or under likelihoods of outcomes and counts a logistic, softmax, Poisson
or negative binomial regression. Mode
"readout" then needs no training; where the moments of a large vocabulary would take more
than 1 GiB, the head is that of "sgd", with a warning. "sgd" trains it with the core, or
alone in mode "readout", as the papers do. The head of mode "random" stays as it is.""",
    "input_scaling": """\
"standard" subtracts the training mean and divides by the training standard deviation;
"first" subtracts the first step of each sequence; None leaves the data as they are.
"auto" is "standard", or in an assessment what the world states.""",
    "output_scaling": """\
"standard" lets the head predict in units of the training standard deviation around the
training mean, None on the scale of the data. "auto" as for `input_scaling`. Without
effect where the head predicts log odds, logits or logarithms of means.""",
    "time_channel": """\
A further input: t / (n_steps - 1); zero; one half; or no further input.""",
    "engine": """\
What computes: compiled scans on a CPU, or torch. The scans were measured 4 to 170 times as
fast for up to 32 hidden units, and 1.2 to 3.2 times as fast for 1024 (one seed; on two
cores, ``benchmarks/recurrence.py``). "auto" takes the scans where they can be used (up
to 1024 hidden units and 5,000 tokens, on a CPU), but for fits that take torch less than .15
seconds, in which a process reads them from the disk, and for short sequences of many
tokens; `engine_` tells. The choice depends on the kind and the size of the network and on
the length of the fit alone, so it is the same in all training modes and on all machines.
The scans are compiled once on each machine, in five to ten seconds, for all sizes of a
kind of cell. The two differ by rounding. With the scans, the batch that callbacks receive
is the row numbers of its sequences.""",
    "callbacks": """\
Copies are used; their state after the fit is in ``net_.callbacks_``. They must not predict
in threads of their own, which would wait for the fit to end.""",
    "net_": """\
The skorch net of the network (in mode "readout", of the head); ``net_.history`` has the
loss of each epoch, in nats per step (relative to a noise of one training standard
deviation if `noise_std` is estimated).""",
    "network_converged_": """\
Whether the head is at the minimum of its loss; True, too, of a head that is not fitted in
closed form.""",
    "training_loss_": """\
Mean loss of the updates in each twentieth of `max_steps`, in nats per step; where the
noise is estimated, under the noise that is best for that twentieth. (It is a multiple of
the training standard deviations, the same for all channels: with several channels the
loss is no less than if each had its own.) NaN where no update was made: in a mode without
training, or after it had stopped; less than 20 updates have the first entries, one each.""",
    "lr_schedule": """\
How the step size changes: None leaves it at `lr`; "cosine" lets it fall from `lr` to 0
over `max_steps`, as lr (1 + cos(pi k / max_steps)) / 2 of the update number k from 0 on.
Losses then flatten at the end, however much more updates would bring.""",
    "early_stopping": """\
Whether to hold out some of the training sequences, and to stop when the loss on these
stays; the weights with the lowest are kept, in a trajectory also for updates that were not
made. `fit` holds out sequences at random, from a stream of its own; an assessment holds out
whole groups where a world has them. Scaling, and a head in closed form, are learned from
all sequences: a head of those that are left predicted new ones no better, one of those that
are held out worse.""",
    "validation_fraction": """\
Share of the training sequences, or of their groups, that early stopping holds out.""",
    "validation_steps": """\
Updates between two looks at them. With more than `max_steps` nobody looks: training goes to
its end, without the sequences that are held out.""",
    "n_iter_no_change": "Looks in a row without a lower loss, after which training stops.",
    "validation_loss_": """\
Mean loss of held-out sequences over the looks in each twentieth of `max_steps`, as
`training_loss_`. NaN where nobody looked: without early stopping, or after it had
stopped.""",
    "stopped_at_": """\
Share of `max_steps` after which early stopping has ended the training; NaN if it has not.""",
    "random_weights": """\
Stream of the random weights. An int gives the same result at every call.""",
    "C": "Observation matrix; a number is that number times the identity.",
    "Q": """\
Covariance of the process noise, in squared units of the state; a number is that number
times the identity.""",
    "R": """\
Covariance of the observation noise, in squared units of the data; a number is that number
times the identity.""",
    "filter_coef_": """\
Coefficients, most recent step first; ``coef_[k, i, j]`` weights channel i of the step k
back for channel j.""",
    "cv_error_": """\
Mean square error of sequences left out; of the linear regression also where the
likelihood asks for a logistic one.""",
    "regressions_converged_": "Whether all regressions are at the minimum of their loss.",
    "head_converged_": "Whether the head is at the minimum of its loss.",
    "n_head_parameters_": "How many numbers were fitted: those of the head.",
    "sample_of_flow": """\
Sequences of a world whose `flow_kind` is "exact" and whose latents are quantities, as
`World.sample` returns them.""",
    "predictor_with_rollout": "Fitted, of any kind that has a rollout of means.",
    "clock_of_rollout": """\
What the clock does, of a predictor that has one, as in `rollout`.""",
    "raises_of_rollout": """\
If the world does not know its flow exactly or for so many steps, or has no quantities as
latents, the clock would leave its range, the predictor has no rollout of means, or an
argument is out of range.""",
    "cube": "`EmergenceAssessment.cube_`, the file it was written to, or the fitted assessment.",
    "state_space_models": """\
Ziemann, I., Matni, N. and Pappas, G. J. (2025). State space models, emergence, and
ergodicity: how many parameters are needed for stable predictions? PMLR 283.""",
    "module_of_geometry": """\
Any module; `network_` of a fitted predictor is one. A copy of it is used, in evaluation mode.""",
    "loss_of_rows": """\
Called with a module and a batch, returns the loss of each row, a tensor of shape (n_rows,),
such as the negative log-likelihood of an answer in nats.""",
    "batch_of_rows": """\
What `loss` is called with; the first dimension of each tensor is rows. All batches of a
DataLoader are taken together.""",
    "max_bytes": """\
Memory that gradients may take at a time; each parameter tensor takes that of its own gradients
at least.""",
    "least_loss": """\
Mean absolute loss below which gradients are rounding errors. None is 100 times the relative
precision of the parameters, 1.2e-5 in single precision, which is right for log-likelihoods in
nats.""",
}

_PLACE = re.compile(r"^( *)%\((\w+)\)s$", re.MULTILINE)


def fill_doc(thing: T) -> T:
    """Fill the docstring of a class or function: ``%(name)s``, alone on a line, is that of DOCDICT.

    The part is indented as its place is. All else stays as it is, per cent signs, too.
    """
    if thing.__doc__ is not None:  # There is none under python -OO.
        thing.__doc__ = _PLACE.sub(_part, thing.__doc__)
    return thing


def _part(place: re.Match[str]) -> str:
    indent, name = place.groups()
    if name not in DOCDICT:
        raise KeyError(f"%({name})s is not in DOCDICT; write it there, or in the docstring.")
    return "\n".join(indent + line for line in DOCDICT[name].splitlines())
