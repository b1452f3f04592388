"""Parts of docstrings that repeat: written once, and filled in by `fill_doc`."""

import re

DOCDICT = {
    "likelihood": """\
Likelihood of `score`. "auto" is Gaussian, or in an assessment that of the world.""",
    "noise_std": """\
Standard deviation of the Gaussian in units of the data. "estimate" takes the root mean
square error on the training data; "auto" does so too, or in an assessment takes the
world's.""",
    "noise_std_held_out": """\
Standard deviation of the Gaussian in units of the data. "estimate" takes the root mean
square error of sequences left out; "auto" does so too, or in an assessment takes the
world's.""",
    "n_tokens": """\
Size of the vocabulary under the categorical likelihood. "auto" is one more than the
largest token of the training data, or in an assessment that of the world.""",
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
    "state_space_models": """\
Ziemann, I., Matni, N. and Pappas, G. J. (2025). State space models, emergence, and
ergodicity: how many parameters are needed for stable predictions? PMLR 283.""",
}

_PLACE = re.compile(r"^( *)%\((\w+)\)s$", re.MULTILINE)


def fill_doc(thing):
    """Fill the docstring of a class or function: ``%(name)s``, alone on a line, is that of DOCDICT.

    The part is indented as its place is. All else stays as it is, per cent signs, too.
    """
    if thing.__doc__ is not None:  # There is none under python -OO.
        thing.__doc__ = _PLACE.sub(_part, thing.__doc__)
    return thing


def _part(place):
    indent, name = place.groups()
    if name not in DOCDICT:
        raise KeyError(f"%({name})s is not in DOCDICT; write it there, or in the docstring.")
    return "\n".join(indent + line for line in DOCDICT[name].splitlines())
