"""What a run says of itself: before it starts, while it runs, and when it is interrupted."""

import io
import logging
import os
import re
import sys
import warnings
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from sklearn.utils import Bunch
from skorch.callbacks import Callback

from sklearn_emerge import EmergenceAssessment, GRUPredictor, OscillatorWorld
from sklearn_emerge.assessment import _costs, _progress, _run
from sklearn_emerge.assessment._costs import Cost, costs_of
from sklearn_emerge.assessment._design import Design
from sklearn_emerge.assessment._networks import Networks
from sklearn_emerge.assessment._plan import Cell
from sklearn_emerge.assessment._progress import LOG, Progress, ProgressFile, in_words, kind_of
from sklearn_emerge.assessment._store import Store
from sklearn_emerge.assessment._trajectory import Timed
from sklearn_emerge.datasets import make_oscillator
from sklearn_emerge.predictors import ModulePredictor
from sklearn_emerge.predictors._fit import fit_replicas
from sklearn_emerge.predictors._neural import NeuralPredictor
from sklearn_emerge.recurrence import Compiled
from sklearn_emerge.training import TrainingContext

WORLD = OscillatorWorld(n_steps=10)


def networks(model, n_seeds=1):
    """Return the work of a few networks."""
    design = Design(n_seeds, n_train=10, n_eval=5, shared_data=False, entropy=[0])
    return Networks(design, WORLD, model, "full", probe=None, n_probe=5)


class Interrupt(Callback):
    """Ctrl-C in the training of a network."""

    def on_batch_end(self, net, **kwargs):
        """Interrupt."""
        raise KeyboardInterrupt


def small_assessment(**options):
    """Return an assessment of four cells: baselines and networks, windows, random cores."""
    model = options.pop("model", GRUPredictor(2, max_steps=3, engine="torch"))
    small = dict(n_seeds=2, n_train=20, n_eval=10, nulls=(), modes=("full",), alpha=0.6)
    return EmergenceAssessment(
        WORLD,
        model,
        baselines=("mean", "persistence"),
        claims=("gain", "representation"),
        reservoir_sizes=(2, 3),
        random_state=0,
        **(small | options),
    )


def cells_of(n, n_updates=100):
    """Return cells that are not run."""
    return [Cell(None, [(i,)], n_updates=n_updates, name=f"cell {i}") for i in range(n)]


@pytest.fixture
def lines(caplog):
    """What has been logged."""
    caplog.set_level(logging.INFO, logger="sklearn_emerge")
    return lambda: [record.getMessage() for record in caplog.records if record.name == LOG.name]


def test_a_run_says_what_there_is_to_do_and_what_the_store_has(tmp_path, lines, monkeypatch):
    monkeypatch.chdir(tmp_path)
    small_assessment(progress="log", memory="kept").fit()
    # Cells that end together have one line.
    first, *_, last = lines()
    assert re.fullmatch(
        r"4 cells, 2 networks, 6 updates: about \d+ s on 1 process, 0\.\d GB", first
    )
    assert last.startswith("4 of 4 cells (the world, random cores) after")
    n = len(lines())
    small_assessment(progress="log", memory="kept").fit()
    assert lines()[n].endswith("; 4 of 4 cells read from kept")


@pytest.mark.slow
def test_what_is_shown_changes_no_result():
    cubes = [small_assessment(progress=kind).fit().cube_ for kind in (False, "log", "bar")]
    for cube in cubes[1:]:
        xr.testing.assert_equal(cube.drop_vars("fit_seconds"), cubes[0].drop_vars("fit_seconds"))


def test_nothing_is_said_if_nothing_is_asked_for(lines, capfd):
    small_assessment(progress=False).fit()
    assert not lines()
    assert capfd.readouterr() == ("", "")


def test_a_bar_on_terminals_and_in_notebooks_and_lines_elsewhere(monkeypatch):
    assert [kind_of(value) for value in ("bar", "log", False)] == ["bar", "log", False]
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    assert kind_of(True) == kind_of(np.True_) == "log"
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True, raising=False)
    assert kind_of(True) == "bar"
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setattr(_progress, "in_notebook", lambda: True)
    assert kind_of(True) == "bar"
    with pytest.raises(ValueError, match="progress='loud' is not known"):
        small_assessment(progress="loud").fit()


def test_a_notebook_without_widgets_has_a_bar_of_text_and_no_warning(monkeypatch, capsys):
    monkeypatch.setattr(_progress, "in_notebook", lambda: True)
    monkeypatch.setattr(_progress, "find_spec", lambda name: None)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with Progress(cells_of(2), [Cost(1), Cost(1)], "bar") as progress:
            progress.finish(0)
    assert "50%" in capsys.readouterr().err


def test_a_plain_program_sees_the_log_and_one_that_configures_it_decides(monkeypatch, capsys):
    with _progress.log_is_seen():
        LOG.info("for the handler of pytest")
    assert capsys.readouterr().err == ""
    # As if nobody had configured anything.
    monkeypatch.setattr(LOG, "propagate", False)
    with _progress.log_is_seen():
        LOG.info("3 of 8 cells")
    LOG.info("later")
    assert capsys.readouterr().err == "3 of 8 cells\n"
    assert not LOG.handlers
    assert LOG.level == logging.NOTSET


def test_a_line_a_cell_or_a_minute_and_few_of_many(monkeypatch, lines):
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_progress._Log, "every", 1e9)
    with Progress(cells_of(4), 4 * [Cost(training=20.0)], "log") as progress:
        for now[0] in (1, 59, 61, 62, 120, 122):
            progress.view.show()
        assert lines() == ["0 of 4 cells after 60 s", "0 of 4 cells after 2 min"]
        now[0] = 130
        progress.finish(0)
        progress.view.show()
        progress.view.show()
        assert lines()[2:] == ["1 of 4 cells (cell 0) after 2 min, about 6 min left"]
    n = len(lines())
    with Progress(cells_of(400), 400 * [Cost(training=20.0)], "log", seconds=8000.0) as progress:
        for i in range(400):
            now[0] += 20
            progress.finish(i)
            progress.view.show()
    assert len(lines()) - n == 20
    assert lines()[-1].startswith("400 of 400 cells (cell 399)")


def test_a_small_cell_says_little_of_how_long_the_others_take(monkeypatch, lines):
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_progress._Log, "every", 1e9)
    costs = [Cost(other=0.1), Cost(other=7200.0), Cost(other=7200.0)]
    with Progress(cells_of(3), costs, "log", seconds=14400.0) as progress:
        now[0] = 9
        progress.finish(0)
        progress.view.show()
        # By the first alone it would be 15 days.
        assert lines()[-1].endswith("about 4 h left")
        # A machine that is twice as slow as was thought.
        now[0] = 14400
        progress.finish(1)
        progress.view.show()
        assert lines()[-1].endswith("about 3.8 h left")


@pytest.fixture
def clock(monkeypatch):
    """Seconds by the clock of progress, which shows nothing of its own accord."""
    now = [0.0]
    monkeypatch.setattr(_progress.time, "monotonic", lambda: now[0])
    monkeypatch.setattr(_progress._Log, "every", 1e9)
    return now


def trained(file, before, now):
    """Report updates of an earlier run, and of this one."""
    file.done_ = file.written_ = before
    for _ in range(now):
        file.on_batch_end(None, batch=2 * (np.zeros(7),))


def test_what_an_earlier_run_has_done_says_nothing_of_how_long_the_rest_takes(clock, lines):
    with Progress(cells_of(1), [Cost(training=1000.0)], "log") as progress:
        file = ProgressFile(progress.file(0))
        clock[0] = 60
        trained(file, before=60, now=0)
        file.follow(0)
        progress.view.show()
        assert lines()[-1] == "0 of 1 cells after 60 s"
        clock[0] = 120
        trained(file, before=60, now=20)
        progress.view.show()
        # 20 of 100 updates in two minutes, and 20 to go.
        assert lines()[-1] == "0 of 1 cells after 2 min, about 2 min left"
        assert progress.read()[0] == pytest.approx(800)


def test_cells_that_were_kept_say_nothing_of_how_long_the_rest_takes(clock, lines):
    costs = [Cost(), Cost(), Cost(other=600.0), Cost(other=600.0)]
    with Progress(cells_of(4), costs, "log") as progress:
        clock[0] = 9
        progress.finish(0)
        progress.finish(1)
        progress.view.show()
        # By these it would be 31 days.
        assert lines()[-1] == "2 of 4 cells (cell 1) after 9 s"
        clock[0] = 309
        progress.finish(2)
        progress.view.show()
        assert lines()[-1] == "3 of 4 cells (cell 2) after 5 min, about 5 min left"
        clock[0] = 600
        progress.finish(3)
    assert lines()[-1] == "4 of 4 cells (cell 3) after 10 min"


def test_the_bar_says_in_words_what_is_left_once_something_tells(clock, capsys):
    with Progress(cells_of(2), [Cost(), Cost(other=100.0)], "bar") as progress:
        clock[0] = 9
        progress.finish(0)
        progress.view.show()
        assert progress.view.bar.postfix == "1 of 2 cells"
        ProgressFile(progress.file(1)).follow(0.25)
        clock[0] = 60
        progress.view.show()
        assert progress.view.bar.postfix == "1 of 2 cells, about 3 min left"
    # tqdm would divide what is left by a pace of nothing.
    assert "<" not in capsys.readouterr().err


def test_the_bar_moves_with_updates_and_with_what_follows_them():
    costs = [Cost(training=3.0, other=1.0), Cost(other=2.0)]
    with Progress(cells_of(2), costs, "bar") as progress:
        network, baselines = (ProgressFile(progress.file(i)) for i in range(2))
        batch, shown = 2 * (np.zeros((5, 7)),), []
        for step in (
            lambda: [network.on_batch_end(None, batch=batch) for _ in range(8)],
            lambda: network.follow(0.5),
            lambda: baselines.follow(0.25),
            lambda: progress.finish(0),
            # A file that is being written counts as nothing: never a step back.
            lambda: baselines._write(""),
        ):
            step()
            progress.view.show()
            shown.append(progress.view.bar.n)
    assert shown == pytest.approx([1.2, 1.7, 2.2, 4.5, 4.5], abs=0.01)


def test_baselines_windows_and_cores_report_how_far_they_are(monkeypatch):
    written = []
    monkeypatch.setattr(ProgressFile, "_write", lambda self, text: written.append(text))
    small_assessment(progress="log", model=GRUPredictor(2, max_steps=0)).fit()
    shares = [float(text.split()[1]) for text in written]
    # Two seeds each; baselines are chosen before.
    assert shares == [0.5, 0.75, 0, 0.5, 0, 0.5, 0, 0.5]


def test_folder_that_workers_cannot_see_does_no_harm():
    model = GRUPredictor(2, max_steps=40, engine="torch")
    result = networks(model).run("/nonexistent/0")
    assert result.status.tolist() == ["ok"]


def test_every_update_of_every_replica_is_counted(tmp_path):
    model = GRUPredictor(5, max_steps=40)
    for engine in ("torch", "numba"):
        file = tmp_path / engine
        model.set_params(engine=engine)
        networks(model, 3).run(file)
        assert file.read_text() == "120 0.6667 0"


def test_compilation_is_announced(monkeypatch):
    with Progress(cells_of(2), [Cost(1.0), Cost(0.5)], "bar") as progress:
        file = ProgressFile(progress.file(1))
        file.announce_compilation()
        progress.view.show()
        assert "compiling" in progress.view.bar.postfix
        file.follow(0)
        progress.view.show()
        assert "compiling" not in progress.view.bar.postfix

    announced = []
    callback = ProgressFile(os.devnull)
    monkeypatch.setattr(callback, "announce_compilation", lambda: announced.append(True))
    X = make_oscillator(20, n_steps=10, random_state=0).X
    for compiled, n_announced in ((False, 1), (True, 1)):
        monkeypatch.setattr(Compiled, "ready", compiled)
        model = GRUPredictor(5, max_steps=1, engine="numba")
        fit_replicas(model, [X], [0, 1], TrainingContext((callback,)))
        assert len(announced) == n_announced


def network_cell(model, n_updates=100, **options):
    """Return a cell of one network."""
    return Cell(networks(model), n_updates=n_updates, **options)


def test_cost_of_training_is_in_proportion_to_updates_and_that_of_kept_cells_is_none():
    cells = [network_cell(GRUPredictor(2, engine="torch"), n) for n in (100, 200)]
    short, long, kept = costs_of([*cells, network_cell(None, n_left=0)])
    assert long.training == pytest.approx(2 * short.training)
    assert short.training > 0
    assert long.other == short.other > 0
    assert kept.seconds == 0


def recorded(at, measures=None, mode="full", max_steps=100):
    """Return the work of three networks that are recorded."""
    work = networks(GRUPredictor(2, engine="torch", max_steps=max_steps), 3)
    return replace(work, mode=mode, record_at=at, measures=measures)


def test_a_measure_costs_what_it_takes_of_all_sequences_each_time_that_it_is_taken(monkeypatch):
    now = [0.0]
    monkeypatch.setattr(_costs.time, "perf_counter", lambda: now[0])

    def slow(predictor, evaluation):
        now[0] += 0.1 * len(evaluation.X)
        return 0.0

    def cost(measures, at=(0, 50, 100, 999), mode="full"):
        work = recorded(at, measures, mode)
        (cost,) = costs_of([Cell(work, n_updates=work.n_updates)])
        return cost.training

    # Nothing else takes time by this clock. Of five sequences it is half a second.
    assert cost({}) == 0
    # What comes after the end of training is not recorded.
    assert cost({"slow": Timed(slow, (0, 50, 100, 999))}) == pytest.approx(3 * 3 * 0.5)
    assert cost({"slow": Timed(slow, (50,))}) == pytest.approx(3 * 0.5)
    both = {"slow": Timed(slow, (50,)), "other": Timed(slow, (0, 100))}
    assert cost(both) == pytest.approx(3 * 3 * 0.5)
    # What is not trained is recorded once.
    assert cost({"slow": Timed(slow, (50,))}, mode="random") == pytest.approx(3 * 0.5)


def test_a_measure_that_fails_leaves_the_cost_unknown():
    work = recorded((0,), {"wrong": Timed(lambda predictor, evaluation: 1 / 0, (0,))})
    assert not costs_of([Cell(work, n_updates=300)])[0].known


@pytest.mark.parametrize("mode", ["full", "readout", "random"])
@pytest.mark.parametrize(
    "options",
    [
        {},
        {"noise_std": 0.1},
        {"head": "sgd"},
        {"head": "sgd", "noise_std": 0.1},
        {"likelihood": "student_t"},
    ],
)
def test_as_many_sequences_are_counted_as_pass_networks(options, mode, monkeypatch):
    """In training, at visits and afterwards: those that heads and noise are fitted to, or none."""
    work = recorded((0, 2, 4, 9), {}, mode, max_steps=4)
    work.model.set_params(**options)
    sizes = _costs._Sizes(work)
    pace = replace(_costs._try(work, sizes, 1), forward=1.0)
    assert pace.known
    counted = sum(_costs._networks(sizes, work, pace, speed=0.0))
    passed, forward = [], NeuralPredictor._forward

    def note(self, X, **others):
        passed.append(len(X))
        return forward(self, X, **others)

    monkeypatch.setattr(NeuralPredictor, "_forward", note)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        work.run()
    # Evaluation sequences are counted once more, for the accuracy of answers.
    assert counted == sum(passed) + 3 * sizes.n_eval


def test_a_network_that_cannot_be_tried_is_left_out_of_the_estimate(lines, monkeypatch):
    (cost,) = costs_of([network_cell(ModulePredictor(lambda n_inputs: 1 / 0))])
    assert not cost.known
    assert np.isfinite(cost.seconds)


def test_networks_that_there_is_no_time_to_try_cost_as_much_as_the_slowest(monkeypatch):
    model = GRUPredictor(2, engine="torch")
    cells = [replace(network_cell(model, n), places=[(n,)]) for n in (100, 200)]
    monkeypatch.setattr(_costs, "_LONG", 0.0)
    tried = costs_of(cells[:1])
    assert not tried[0].known
    assert tried[0].training == 0
    times = iter([0.0, 0.0, 1.0])
    monkeypatch.setattr(_costs.time, "monotonic", lambda: next(times))
    monkeypatch.setattr(_costs, "_LONG", 0.5)
    first, second = costs_of(cells)
    assert second.training == pytest.approx(2 * first.training)
    assert second.known


@pytest.mark.parametrize("kept", [True, False])
def test_an_interrupted_run_says_what_is_kept_and_goes_on_from_there(
    kept, tmp_path, monkeypatch, lines
):
    monkeypatch.chdir(tmp_path)
    memory = "kept" if kept else None
    options = dict(memory=memory, progress=False)
    with pytest.raises(KeyboardInterrupt):
        small_assessment(model=GRUPredictor(2, callbacks=[Interrupt()]), **options).fit()
    (line,) = lines()
    assert "Interrupted after 1 of 4 cells, which is " in line
    assert ("kept in kept" in line) == kept
    assert ("set memory to a folder" in line) != kept
    if kept:
        small_assessment(progress="log", memory=memory).fit()
        # The baselines are those of any model of this size.
        assert "1 of 4 cells read from kept" in lines()[1]


def test_store_without_a_folder_has_nothing():
    assert Store(None).entry(networks(GRUPredictor(2))) is None


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.2, "1 s"),
        (7.4, "7 s"),
        (52, "50 s"),
        (130, "2 min"),
        (9000, "2.5 h"),
        (1e6, "12 days"),
        (1e7, "120 days"),
    ],
)
def test_durations_are_rounded(seconds, words):
    assert in_words(seconds) == words


@pytest.mark.parametrize(
    ("n_finished", "kept", "said"),
    [
        (0, False, "Interrupted before the first of 8 cells was finished; nothing is kept."),
        (0, True, "finished; the same fit goes on from what was trained, as far as kept has it."),
        (1, True, "after 1 of 8 cells, which is kept in kept; the same fit goes on from it."),
        (3, True, "after 3 of 8 cells, which are kept in kept; the same fit goes on from them."),
        (3, False, "after 3 of 8 cells, which are not kept; set memory to a folder to go on from"),
    ],
)
def test_what_is_left_of_an_interrupted_run_follows_from_its_cells(
    n_finished, kept, said, tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    store = Bunch(folder=Path.cwd() / "kept" / "cells" if kept else None)
    assert said in _run._farewell(n_finished, 8, store)


@pytest.mark.parametrize(
    ("progress", "meant"),
    [("none", "Did you mean False?"), ("bra", "Did you mean 'bar'?"), (2, "True or False.")],
)
def test_another_way_to_show_progress_is_refused_before_anything(progress, meant):
    with pytest.raises(ValueError, match="is not known; choose 'bar', 'log', True or Fa") as raised:
        small_assessment(progress=progress).fit()
    assert str(raised.value).endswith(meant)
