"""What can be decoded beside what is predicted."""

import numpy as np
import pytest
from figure_checks import CUBES, diamonds, make_cube, names_beside

from sklearn_emerge import DecodingDisplay, load_cube
from sklearn_emerge.assessment._case import cases_of
from sklearn_emerge.assessment._words import in_digits

pytestmark = pytest.mark.usefixtures("close_figures")


def test_decoding_display_shows_one_configuration_of_each_cube(fitted, fitted_single):
    cubes = {"single": fitted_single.cube_, "four": fitted.cube_.sel(hidden_size=4)}
    left, right = DecodingDisplay.from_cube(cubes).axes_
    assert "score of decoding" in left.get_ylabel()
    assert "nats per step" in right.get_ylabel()
    # Every latent, from the untrained core, the trained one, and the last inputs.
    assert [t.get_text() for t in left.get_xticklabels()] == ["x", "y"] * 2
    here = [cube.sel(condition="structured") for cube in cubes.values()]
    means = [
        value.sel(latent=latent).mean().item()
        for cube in here
        for latent in ("x", "y")
        for value in (
            cube.probe_score.sel(mode="full"),
            cube.probe_score.sel(mode="readout"),
            cube.probe_score_window,
        )
    ]
    assert np.allclose([height for _, height in diamonds(left)], means)
    names = [text.get_text() for text in right.get_legend().get_texts()]
    # As in the figure of gains.
    assert names == ["all weights", "readout only", "the last inputs alone"]
    assert left.get_ylim()[0] < 0 < 1 < left.get_ylim()[1]
    with pytest.raises(ValueError, match="'grid': 'hidden_size' left open.*select one"):
        DecodingDisplay.from_cube({"grid": fitted.cube_})


@pytest.mark.parametrize(
    ("name", "score"), [("oscillator-gru", "R²"), ("regime-time-gru", "D²"), ("both", "R² or D²")]
)
def test_the_axis_of_decoding_says_which_score_it_is(name, score):
    names = ["oscillator-gru", "regime-time-gru"] if name == "both" else [name]
    cubes = {each: cases_of(load_cube(CUBES / f"{each}-corrected.nc"))[0].cube for each in names}
    display = DecodingDisplay.from_cube(cubes)
    label = display.axes_[0].get_ylabel().replace("\n", " ")
    assert label == f"score of decoding (cross-validated {score})"
    cube = cubes[names[0]].sel(condition="structured")
    latent = cube.latent.values[0]
    trained, untrained = (
        in_digits(cube.probe_score.sel(mode=mode, latent=latent).mean().item())[0]
        for mode in ("full", "readout")
    )
    said = f"{latent}: {untrained} from untrained states, {trained} from trained states"
    assert said in repr(display)


def test_scores_do_not_exceed_one():
    cube = make_cube()
    cube.probe_score[dict(seed=0)] = 0.5
    left, _ = DecodingDisplay.from_cube(cube).axes_
    ends = [line.get_ydata() for line in left.lines if line.get_linestyle() == "-"]
    assert max(np.max(end) for end in ends) == 1
    assert any("Intervals end at what is possible." in text for text in names_beside(left))


def test_an_experiment_without_latents_says_so():
    left, _ = DecodingDisplay.from_cube(
        {"with": make_cube(), "without": make_cube().drop_dims("latent")}
    ).axes_
    assert "no latents" in [t.get_text().replace("\n", " ") for t in left.get_xticklabels()]


def test_decoding_display_has_no_mean_of_what_diverged(fitted_single):
    cube = fitted_single.cube_.copy(deep=True)
    cube.delta_nll[dict(seed=0)] = np.nan
    assert not diamonds(DecodingDisplay.from_cube({"diverged": cube}).axes_[1])
