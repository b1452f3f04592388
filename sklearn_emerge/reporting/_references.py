"""What the methods of an assessment rest on, of which a report lists what it has used."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..assessment._cube import BETWEEN_PAPERS

if TYPE_CHECKING:
    from ._facts import Facts

_CELLS = {
    "RNNPredictor": "Elman, J. L. (1990). Finding structure in time. Cognitive Science, 14, "
    "179–211.",
    "GRUPredictor": "Cho, K., et al. (2014). Learning phrase representations using RNN "
    "encoder–decoder for statistical machine translation. EMNLP, 1724–1734.",
    "LSTMPredictor": "Hochreiter, S., & Schmidhuber, J. (1997). Long short-term memory. Neural "
    "Computation, 9, 1735–1780.",
    "TransformerPredictor": "Vaswani, A., et al. (2017). Attention is all you need. NeurIPS, 30.",
}
_ADAM = "Kingma, D. P., & Ba, J. (2015). Adam: A method for stochastic optimization. ICLR."
_RESERVOIRS = (
    "Jaeger, H. (2001). The “echo state” approach to analysing and training recurrent neural "
    "networks. GMD Report 148."
)
_SURROGATES = (
    "Theiler, J., et al. (1992). Testing for nonlinearity in time series: the method of surrogate "
    "data. Physica D, 58, 77–94."
)
_PROBES = (
    "Alain, G., & Bengio, Y. (2016). Understanding intermediate layers using linear classifier "
    "probes. arXiv:1610.01644."
)
_SIGN_FLIPS = (
    "Winkler, A. M., et al. (2014). Permutation inference for the general linear model. "
    "NeuroImage, 92, 381–397."
)
_RESAMPLED = (
    "Nadeau, C., & Bengio, Y. (2003). Inference for the generalization error. Machine Learning, "
    "52, 239–281."
)
_HOLM = (
    "Holm, S. (1979). A simple sequentially rejective multiple test procedure. Scandinavian "
    "Journal of Statistics, 6, 65–70."
)
# How each correction is called, and where it is from.
CORRECTIONS = {
    "bonferroni": (
        "Bonferroni",
        "Dunn, O. J. (1961). Multiple comparisons among means. Journal of the American "
        "Statistical Association, 56, 52–64.",
    ),
    "sidak": (
        "Šidák",
        "Šidák, Z. (1967). Rectangular confidence regions for the means of multivariate normal "
        "distributions. Journal of the American Statistical Association, 62, 626–633.",
    ),
    "holm": ("Holm", _HOLM),
    "holm-sidak": ("Holm–Šidák", _HOLM),
    "simes-hochberg": (
        "Hochberg",
        "Hochberg, Y. (1988). A sharper Bonferroni procedure for multiple tests of significance. "
        "Biometrika, 75, 800–802.",
    ),
    "hommel": (
        "Hommel",
        "Hommel, G. (1988). A stagewise rejective multiple test procedure based on a modified "
        "Bonferroni test. Biometrika, 75, 383–386.",
    ),
    "fdr_bh": (
        "Benjamini and Hochberg",
        "Benjamini, Y., & Hochberg, Y. (1995). Controlling the false discovery rate. Journal of "
        "the Royal Statistical Society B, 57, 289–300.",
    ),
    "fdr_by": (
        "Benjamini and Yekutieli",
        "Benjamini, Y., & Yekutieli, D. (2001). The control of the false discovery rate in "
        "multiple testing under dependency. Annals of Statistics, 29, 1165–1188.",
    ),
}


def list_references(facts: Facts) -> list[str]:
    """Return the references of the methods that a cube was made by.

    Parameters
    ----------
    facts : Facts
        The cube.

    Returns
    -------
    list of str
    """
    options, cube = facts.run, facts.cube
    used = {
        **dict.fromkeys(cube.attrs.get("references", "").split(BETWEEN_PAPERS), True),
        _CELLS.get(options["model"]["type"]): True,
        _ADAM: "max_steps" in options["model"] and bool(facts.trained),
        _RESERVOIRS: "echo_state" in cube.baseline or "nll_reservoir" in cube,
        _SURROGATES: "phase" in facts.cube.condition,
        _PROBES: bool(facts.latents),
        _RESAMPLED if facts.recorded else _SIGN_FLIPS: facts.tested,
    }
    if options["correction"] is not None and facts.families and facts.tested:
        used[CORRECTIONS[options["correction"]][1]] = True
    return [text for text, is_used in used.items() if text and is_used]
