"""Reports: one file that says what was found, and that every browser shows."""

import base64
import importlib
import json
import re
import shutil
import subprocess
import sys
from html import escape, unescape
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
from conftest import small_assessment
from report_cubes import facts_of, with_options
from sklearn.exceptions import NotFittedError

from sklearn_emerge import (
    ArrayWorld,
    EmergenceAssessment,
    OscillatorWorld,
    TriangleWorld,
    explain,
    report,
)
from sklearn_emerge.assessment._cube import save_cube
from sklearn_emerge.assessment._sentences import verdict_sentence
from sklearn_emerge.displays import _style
from sklearn_emerge.reporting import _figures, _sections
from sklearn_emerge.reporting._methods import tell_intervals

HOSTILE = "<script>alert(\"1\")</script> & 'q'"
DOCS = Path(__file__).parents[2] / "docs"
CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")


class Page(HTMLParser):
    """Collects the tags of a page, and its text."""

    def __init__(self, path):
        super().__init__()
        self.tags, self.text = [], ""
        self.source = path.read_text(encoding="utf-8")
        self.feed(self.source)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.text += data

    def all(self, tag):
        return [attrs for name, attrs in self.tags if name == tag]


@pytest.fixture(scope="module")
def hostile(cube):
    """The same with names that a page must not take for its own."""
    latents = [HOSTILE, "y"]
    claims = [c.replace("representation x", f"representation {HOSTILE}") for c in cube.claim.values]
    return cube.assign_coords(latent=latents, claim=claims)


@pytest.fixture(scope="module")
def page(hostile, tmp_path_factory):
    path = tmp_path_factory.mktemp("report") / "report.html"
    report({HOSTILE: hostile}, path)
    return path


@pytest.fixture(scope="module")
def several(fitted, hostile, tmp_path_factory):
    """A report on a grid and on one configuration, whose figures are not rendered."""
    path = tmp_path_factory.mktemp("report") / "several.html"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_style, "settle", lambda ax: None)
        patch.setattr(_figures, "_encode", lambda figure: "data:image/png;base64,")
        report({"a grid of sizes": fitted, HOSTILE: hostile}, path)
    return path


def test_a_report_holds_all_that_it_shows(page, cube):
    found = Page(page)
    assert found.all("html")[0]["lang"] == "en"
    for tag in ("script", "link", "iframe"):
        assert not found.all(tag)
    pictures = found.all("img")
    assert len(pictures) == 6
    assert "Error of networks that are left alone against" in found.text
    for picture in pictures:
        kind, _, data = picture["src"].partition(";base64,")
        assert kind == "data:image/svg+xml"
        assert b"<svg" in base64.b64decode(data)
        assert len(picture["alt"]) > 40
    links = {attrs["href"] for attrs in found.all("a")}
    ids = [attrs["id"] for _, attrs in found.tags if "id" in attrs]
    assert len(ids) == len(set(ids))
    assert links == {f"#{name}" for name in ids}
    assert "url(" not in found.source
    assert cube.verdict.item() in found.text
    assert cube.attrs["source"] in found.text


@pytest.mark.parametrize("which", ["page", pytest.param("several", marks=pytest.mark.slow)])
def test_headings_go_down_one_level_at_a_time(which, request):
    found = Page(request.getfixturevalue(which))
    levels = [int(tag[1:]) for tag, _ in found.tags if re.fullmatch("h[1-6]", tag)]
    assert levels.count(1) == 1
    assert levels[0] == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_names_are_text_and_nothing_else(page, several):
    for path in (page, several):
        found = Page(path)
        assert "<script" not in found.source
        assert HOSTILE in found.text
        assert any(HOSTILE in attrs["alt"] for attrs in found.all("img"))


@pytest.mark.slow
def test_the_same_cube_gives_the_same_file(hostile, page, tmp_path):
    report({HOSTILE: hostile}, tmp_path / "again.html")
    assert (tmp_path / "again.html").read_bytes() == page.read_bytes()


def test_all_that_explain_says_is_there(page, hostile):
    text = " ".join(Page(page).text.split())
    said, _, words = explain(hostile).partition("\n\nWords\n")
    paragraphs = [" ".join(part.split()) for part in re.split(r"\n(?! )", said)]
    sentences = [re.sub("^(holds|fails|open|-) ", "", part) for part in paragraphs[1:] if part]
    assert len(sentences) > 8
    for sentence in sentences:
        assert sentence in text
    for line in re.split(r"\n(?! )", words):
        assert " ".join(line.split(": ", 1)[1].split()).removesuffix(".") in text


def test_every_claim_is_in_the_table_with_its_bounds(page, hostile):
    rows = unescape(page.read_text(encoding="utf-8")).split("<tr>")
    assert {"gain", "core", f"representation {HOSTILE}"} <= set(hostile.claim.values)
    for name in hostile.claim.values:
        claim = hostile.sel(claim=name)
        (row,) = [row for row in rows if f'<th scope="row">{name} <span class="note">' in row]
        cells = re.findall("<td.*?>(.*?)</td>", row)
        low, high = map(float, cells[2].split(" to "))
        assert cells[0] == claim.claim_state
        assert float(cells[1]) == pytest.approx(claim.claim_effect.item(), abs=0.006)
        assert low == pytest.approx(claim.claim_low.item(), abs=0.006)
        assert high == pytest.approx(claim.claim_high.item(), abs=0.006)


@pytest.mark.usefixtures("without_figures")
def test_a_grid_folds_its_configurations_and_names_those_that_are_not_drawn(
    several, fitted, tmp_path, monkeypatch
):
    folded = Page(several)
    text = " ".join(folded.text.split())
    # What was found, figures, training and claims of two sizes; words and parameters of two cubes.
    assert len(folded.all("details")) == 4 * 2 + 3 * 2
    assert "Gain over the reference against hidden size." in text
    assert "more configurations are left out" not in text
    monkeypatch.setattr(_sections, "_MOST_DRAWN", 1)
    report(fitted, tmp_path / "report.html")
    text = " ".join(Page(tmp_path / "report.html").text.split())
    assert "Figures of 1 more configuration is left out: hidden_size = 4." in text


def test_several_cubes_are_compared(several, fitted):
    found = Page(several)
    assert found.text.index("Comparison") < found.text.index("What was found")
    table = found.source[: found.source.index("</table>")]
    assert table.count("a grid of sizes</th>") == 2
    assert unescape(table).count(f'<th scope="row">{HOSTILE}</th>') == 1
    for verdict in fitted.cube_.verdict.values:
        assert verdict in table


def words_of(source):
    """Return the text of a page, with a space between cells."""
    return " ".join(unescape(re.sub("<[^>]*>", " ", source)).split())


@pytest.mark.usefixtures("without_figures")
def test_a_comparison_says_what_differs(cube, tmp_path):
    other = with_options(cube, margin=0.2, world={"type": "OscillatorWorld", "n_steps": 50})
    for cubes, said in (
        ([cube, cube], "All have the same settings."),
        ([cube, other], "margin 0.01 0.2 "),
        ([cube, other], "world: n_steps 10 50 "),
        # The other has no such parameter.
        ([cube, other], "world: initial_std 0.1 – "),
    ):
        report(cubes, tmp_path / "report.html")
        text = words_of((tmp_path / "report.html").read_text(encoding="utf-8"))
        assert said in text.partition("What was found")[0]
        assert "model: hidden_size" not in text


def test_a_report_says_which_intervals_figures_and_claims_have(cube, tmp_path):
    told = tell_intervals(facts_of(with_options(cube, alpha=0.05)))
    assert "figures have two sides (Student's, of 95% coverage)" in told
    assert "one side, each with a confidence of 95%" in told
    assert "of 90%" in tell_intervals(facts_of(with_options(cube, alpha=0.1)))
    bootstrap = tell_intervals(facts_of(with_options(cube, interval="bootstrap")))
    assert "(bootstrap intervals, of" in bootstrap
    recorded = with_options(cube, units=[4, 2], world={"type": "ArrayWorld"})
    assert "(those of Nadeau and Bengio, of" in tell_intervals(facts_of(recorded))
    assert tell_intervals(facts_of(cube.isel(seed=[0]))) == ""


def test_the_verdict_of_each_configuration_is_not_folded(several, fitted):
    source = several.read_text(encoding="utf-8")
    while (start := source.find("<details>")) >= 0:
        source = source[:start] + source[source.index("</details>", start) + 10 :]
    for case in facts_of(fitted.cube_).cases:
        assert verdict_sentence(case) in words_of(source)


def test_narrow_screens_are_told_that_tables_scroll(page):
    source = page.read_text(encoding="utf-8")
    narrow = source.partition("@media screen and (max-width")[2].partition("@media print")[0]
    assert ".hint { display: block;" in narrow
    assert "/ 0.9rem 100% scroll" in source.partition("@media screen {")[2]
    assert ".hint { display: none; }" in source.partition("@media")[0]
    assert "wider than the screen scroll sideways" in Page(page).text


@pytest.mark.usefixtures("without_figures")
def test_cubes_are_named_by_files_and_titles(cube, tmp_path):
    save_cube(cube, tmp_path / "noise.nc")
    report([tmp_path / "noise.nc", cube, cube], tmp_path / "report.html")
    title = cube.attrs["title"]
    headings = re.findall(r'<h2 id="cube-\d">(.*)</h2>', (tmp_path / "report.html").read_text())
    assert headings == ["noise", f"{title} (2)", f"{title} (3)"]


def as_a_grid(cube):
    """Return a cube as a grid of four configurations that were tested together."""
    run = json.loads(cube.attrs["configuration"]) | {"n_configurations": 4}
    grid = cube.expand_dims(lr=[0.1, 0.2], hidden_size=[2, 4])
    return grid.assign_attrs(configuration=json.dumps(run))


@pytest.mark.slow
def test_curves_of_a_large_grid_are_limited_to_some_of_each_parameter(cube):
    facts = facts_of(as_a_grid(cube))
    pictures, n_left = _figures.curves(facts, 3)
    assert [picture.caption for picture in pictures] == [
        "Gain over the reference against lr (hidden_size = 2).",
        "Gain over the reference against lr (hidden_size = 4).",
        "Gain over the reference against hidden size (lr = 0.1).",
    ]
    assert n_left == 1
    pictures, n_left = _figures.curves(facts, 4)
    assert (len(pictures), n_left) == (4, 0)


@pytest.mark.usefixtures("without_figures")
def test_a_report_says_how_many_curves_are_left_out(cube, tmp_path, monkeypatch):
    monkeypatch.setattr(_sections, "_MOST_DRAWN", 3)
    report(as_a_grid(cube), tmp_path / "report.html")
    text = " ".join(Page(tmp_path / "report.html").text.split())
    assert "1 more figure of the gain against one parameter is left out." in text


@pytest.mark.usefixtures("without_figures")
def test_recordings_are_units_and_are_not_shown(tmp_path):
    sample = OscillatorWorld(n_steps=20).sample(30, 0)
    world = ArrayWorld(sample.X, groups=np.repeat(np.arange(6), 5))
    assessment = small_assessment(world=world, n_train=None, n_eval=None, nulls=()).fit()
    assessment.report(tmp_path / "report.html")
    text = " ".join(Page(tmp_path / "report.html").text.split())
    assert "No sequences can be shown: the sequences are recordings" in text
    assert "Seeds hold out groups of recordings in turn: each trains on about 4 and is" in text
    assert "corrected resampled t-test" in text
    assert "Nadeau" in text
    assert "20 sequences for training and 6 for evaluation" in text


@pytest.mark.usefixtures("without_figures")
def test_tokens_are_shown_as_words(tmp_path):
    world = TriangleWorld(n_words=4, row_length=22)
    cube = small_assessment(world=world, nulls=("permuted",), probe=None).fit().cube_
    report(cube, tmp_path / "report.html")
    source = (tmp_path / "report.html").read_text(encoding="utf-8")
    rows = [text.splitlines() for text in re.findall("<pre>(.*?)</pre>", source, re.DOTALL)]
    own, permuted = rows
    assert own[0].startswith(world.decode(world.sample(3, 0).X[0])[:30])
    assert len(own) == len(permuted) == 3
    assert own != permuted


def test_errors_say_what_to_pass(cube, tmp_path):
    path = tmp_path / "report.html"
    with pytest.raises(ValueError, match="cubes is empty; pass at least one cube"):
        report([], path)
    with pytest.raises(ValueError, match="lost its attribute configuration") as raised:
        report({"good": cube, "bad": cube.drop_attrs()}, path)
    assert "with cube 2, bad" in raised.value.__notes__[0]
    with pytest.raises(ValueError, match="has no claims: it was written before"):
        report(cube.drop_vars("claim_state"), path)
    with pytest.raises(FileNotFoundError, match=r"no\.nc' does not exist"):
        report([cube, "no.nc"], path)
    with pytest.raises(NotFittedError):
        EmergenceAssessment().report(path)
    assert not path.exists()


@pytest.mark.parametrize("module", ["matplotlib.pyplot", "matplotlib.figure"])
def test_a_report_says_that_matplotlib_is_needed(module, cube, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match="need matplotlib.*pip install matplotlib"):
        report(cube, tmp_path / "report.html")
    assert not list(tmp_path.iterdir())


LOOK = """
const problems = [];
const seen = {};
window.addEventListener("load", () => {
  for (const frame of document.querySelectorAll("iframe")) {
    const page = frame.contentDocument, root = page.documentElement, width = root.clientWidth;
    const name = frame.title + " px: ";
    for (const fold of page.querySelectorAll("details")) fold.open = true;
    if (root.scrollWidth > width) problems.push(name + "overflows to " + root.scrollWidth);
    for (const each of page.querySelectorAll("body *")) {
      const box = each.getBoundingClientRect();
      const inside = each.closest(".scroll, .hidden, .skip");
      if ((!inside || each.matches(".scroll")) && box.right > width + 1)
        problems.push(name + each.tagName + " ends at " + box.right);
    }
    const pictures = [...page.images];
    for (const picture of pictures)
      if (picture.getBoundingClientRect().width < 0.9 * picture.naturalWidth)
        problems.push(name + "too small to read: " + picture.alt);
    for (const picture of pictures)
      if (!picture.complete || !picture.naturalWidth || picture.getBoundingClientRect().width < 100)
        problems.push(name + "broken: " + picture.alt);
    const size = parseFloat(frame.contentWindow.getComputedStyle(page.body).fontSize);
    seen[frame.title] = [width, pictures.length, size];
  }
  document.body.innerHTML = "<pre>" + JSON.stringify({problems, seen}) + "</pre>";
});
"""


@pytest.mark.skipif(CHROMIUM is None, reason="needs a browser: apt-get install chromium")
def test_a_browser_shows_a_report_on_a_desk_and_on_a_phone(page, several, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(str(DOCS))
    flags = importlib.import_module("look_at_site").FLAGS
    # One has figures, the other the widest tables.
    sources = {path.stem: path.read_text(encoding="utf-8") for path in (page, several)}
    sources["several"] = re.sub("<img[^>]*>", "", sources["several"])
    # Windows are at least 500 pixels wide; frames are not.
    frames = "".join(
        f'<iframe title="{name} {width}" style="width:{width}px; height:900px; border:0" '
        f'srcdoc="{escape(source)}"></iframe>'
        for name, source in sources.items()
        for width in (1280, 360)
    )
    host = tmp_path / "host.html"
    both = f"<!DOCTYPE html><meta charset=utf-8><body>{frames}<script>{LOOK}</script>"
    host.write_text(both, encoding="utf-8")
    shown = subprocess.run(
        [
            CHROMIUM,
            *flags,
            f"--user-data-dir={tmp_path / 'profile'}",
            "--enable-logging=stderr",
            "--hide-scrollbars",
            "--dump-dom",
            host.as_uri(),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found = json.loads(re.search("<pre>(.*?)</pre>", shown.stdout, re.DOTALL).group(1))
    assert found["problems"] == []
    assert found["seen"] == {
        f"{name} {width}": [width, source.count("<img"), 16]
        for name, source in sources.items()
        for width in (1280, 360)
    }
    # What a page complains of: scripts, and what its policy forbids.
    assert "CONSOLE" not in shown.stderr
