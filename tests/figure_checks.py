"""Cubes as assessments write them, and what every figure of them has to keep."""

import json
from pathlib import Path

import numpy as np
import xarray as xr
from matplotlib.text import Text

from sklearn_emerge import (
    AssessmentDisplay,
    CapacityCurveDisplay,
    DecodingDisplay,
    ForecastErrorDisplay,
    MemoryDisplay,
    TrajectoryDisplay,
)

CUBES = Path(__file__).parents[1] / "datasets" / "cubes"
LEVELS = {
    "reference": "persistence",
    "best_baseline": "time_varying_filter",
    "ceiling": "exact",
}
# What displays draw of a cube.
DRAWN = {
    "gains": AssessmentDisplay.from_cube,
    "p": lambda cube: AssessmentDisplay.from_cube(cube, modes=cube.mode.values, note="p"),
    "decoding": DecodingDisplay.from_cube,
    "several": lambda cube: DecodingDisplay.from_cube(
        {"oscillator-nonstationary-gru": cube, "a first one": cube}
    ),
    "memory": MemoryDisplay.from_cube,
    "forecast": ForecastErrorDisplay.from_cube,
    "trajectory": TrajectoryDisplay.from_cube,
    "log": lambda cube: TrajectoryDisplay.from_cube(cube, along="condition", xscale="log"),
    "capacity": CapacityCurveDisplay.from_cube,
}


def make_cube(
    modes=("full", "readout"),
    conditions=("structured", "resample"),
    n_seeds=6,
    scale=0.5,
    verdict="operator",
    configuration=(),
    sizes=None,
    claims=True,
    **names,
):
    """Return a cube of made-up numbers, with everything that displays show.

    `scale` is that of the gains, `sizes` the values of hidden_size if it has a grid; cubes of
    before there were claims have neither states of these nor a margin.
    """
    rng = np.random.default_rng(0)
    coords = {
        "condition": list(conditions),
        "mode": list(modes),
        "seed": range(n_seeds),
        "latent": ["angle of the arm (rad)", "y"],
        "window": [1, 2, 4, 8, 16, 20],
        "step": [0, 10, 100, 1000],
    }
    if sizes is not None:
        coords["hidden_size"] = list(sizes)
    grid = ["hidden_size"] if sizes is not None else []

    def drawn(*dims, center=0.0, std=0.1):
        shape = [len(coords[dim]) for dim in dims]
        return xr.DataArray(scale * (center + std * rng.normal(size=shape)), dims=dims)

    coords = {name: xr.DataArray(values, dims=name) for name, values in coords.items()}
    by_condition, by_mode = ("condition", *grid), ("condition", "mode", *grid)
    # Networks gain in the world, and untrained heads lose a lot.
    gain = xr.DataArray([1.0] + [0.0] * (len(conditions) - 1), dims="condition")
    loss = xr.DataArray([{"random": 90.0, "readout": 0.4}.get(m, 0.0) for m in modes], dims="mode")
    cube = xr.Dataset(coords=coords)
    cube["delta_nll"] = drawn(*by_mode, "seed") + scale * (gain - loss)
    cube["nll_reference"] = drawn(*by_condition, "seed", center=2.0, std=0)
    cube["nll"] = cube.nll_reference - cube.delta_nll
    cube["nll_optimal"] = cube.nll_reference - scale * 1.05 * gain
    cube["nll_best_baseline"] = cube.nll_reference - scale * 0.9 * gain
    error = cube.delta_nll.std("seed") + 0.01 * scale
    mean = cube.delta_nll.mean("seed", skipna=False)
    several = np.nan if n_seeds == 1 else 1.0
    cube["ci_low"], cube["ci_high"] = several * (mean - error), several * (mean + error)
    cube["p_value"] = cube.ci_low.copy(data=np.full(cube.ci_low.shape, 2.0**-n_seeds))
    for name, value in (LEVELS | names).items():
        cube[name] = cube.nll_optimal.isel(seed=0, drop=True).copy(
            data=np.full([cube.sizes[dim] for dim in by_condition], value)
        )
    shape = [len(coords[name]) for name in grid]
    cube["verdict"] = (grid, np.full(shape, verdict))
    cube["verdict_reason"] = (grid, np.full(shape, "holds: gain (+0.5, 0.4 to 0.6)"))
    scores = drawn(*by_mode, "seed", "latent", std=0.1 / scale)
    cube["probe_score"] = 0.9 + 0.1 * np.tanh(scores)
    cube["probe_score_window"] = cube.probe_score.isel(mode=0, condition=0, drop=True) - 0.05
    memory = cube.nll.sel(condition="structured") + scale * 5 / cube.window
    cube["nll_memory"] = memory.transpose("mode", *grid, "seed", "window")
    steps = cube.nll + scale * 3 / (1 + cube.step)
    cube["nll_trajectory"] = steps.transpose(*by_mode, "seed", "step")
    cube.nll_trajectory.attrs = {"long_name": "negative log-likelihood", "units": "nat/step"}
    cube = cube.assign_coords(prompt=[2, 5, 10], horizon=[1, 2, 4, 8, 10])
    ahead = 0.05 * scale * cube.horizon**0.5 / cube.prompt
    drawn_errors = np.exp(drawn(*by_mode, "seed", center=1.0 / scale, std=0.1 / scale))
    cube["flow_error"] = (drawn_errors * ahead).transpose(*by_mode, "seed", "prompt", "horizon")
    here = cube.flow_error.sel(condition="structured").isel(mode=0, drop=True)
    here = here.drop_vars("condition")
    for name, factor in (("linear", 3.0), ("reservoir", 4.0), ("optimal", 0.7)):
        cube[f"flow_error_{name}"] = factor * here
    if claims:
        cube["claim_state"] = (("claim", *grid), np.full((1, *shape), "holds"))
    told = {
        "alpha": 0.05,
        "interval": "student",
        "shared_data": False,
        "model": {"likelihood": "auto"},
        "world": {"type": "OscillatorWorld"},
    } | ({"margin": 0.01} if claims else {})
    return cube.assign_attrs(
        title="Emergence assessment of GRUPredictor on OscillatorWorld",
        configuration=json.dumps(told | dict(configuration)),
    )


def shown_texts(figure):
    """Return all texts of a figure that are drawn."""
    # Figures without a canvas are not laid out by canvas.draw.
    figure.draw_without_rendering()
    hidden = set()
    for ax in figure.findobj(lambda artist: hasattr(artist, "get_xticklabels")):
        for axis in (ax.xaxis, ax.yaxis):
            drawn = set(axis._update_ticks())
            for tick in {*axis.majorTicks, *axis.minorTicks} - drawn:
                hidden |= {tick.label1, tick.label2}
            if not (axis.get_visible() and getattr(ax, "axison", True)):
                hidden |= {*axis.findobj(Text)}
    texts = figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible())
    return [text for text in texts if text not in hidden and text.get_text().strip()]


def check_texts(figure):
    """Assert that no text leaves the figure and no two overlap."""
    texts = shown_texts(figure)
    assert texts
    # Of annotations the text alone, without the line to what it names.
    boxes = [Text.get_window_extent(text).padded(-1) for text in texts]
    frame = figure.bbox.padded(1)
    for i, (text, box) in enumerate(zip(texts, boxes, strict=True)):
        assert frame.contains(*box.min), text.get_text()
        assert frame.contains(*box.max), text.get_text()
        for other, its_box in zip(texts[:i], boxes[:i], strict=True):
            assert not box.overlaps(its_box), (text.get_text(), other.get_text())


def check_room(ax, is_drawn=False):
    """Assert that axes have most of the height, and that labels and legends belong to something.

    `check_texts` has drawn the figure already.
    """
    footers = [text for text in ax.texts if text.get_fontsize() == 7.5]
    if not is_drawn:
        ax.figure.draw_without_rendering()
    assert ax.bbox.height > max((text.get_window_extent().height for text in footers), default=0)
    label = ax.yaxis.label
    assert label.get_window_extent().height <= 1.02 * ax.bbox.height, label.get_text()
    legend = ax.get_legend()
    handles = [] if legend is None else ax.get_legend_handles_labels()[0]
    drawn = [line for line in handles if len(line.get_xdata()) or "diverged" in line.get_label()]
    assert drawn == handles, [line.get_label() for line in handles]


def diamonds(ax):
    """Return place and height of the means in axes; those of legends have none."""
    means = [line.get_xydata() for line in ax.lines if line.get_marker() == "D"]
    return [mean[0].tolist() for mean in means if len(mean)]


def names_beside(ax):
    """Return what is named in axes, and at which height its line begins."""
    # Of names that stand in several panels the first.
    return {text.get_text().replace("\n", " "): text.xy[1] for text in reversed(ax.texts)}
