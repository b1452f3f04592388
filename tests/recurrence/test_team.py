"""Threads that share the tasks of a compiled kernel."""

import threading
import time
from concurrent.futures import Future, ThreadPoolExecutor, wait

import joblib
import numpy as np
import pytest
from numba import njit

from sklearn_emerge.recurrence import Team, _team
from sklearn_emerge.recurrence._team import BATCH, enter, look, next_task

N_THREADS = 4
# Where it is said whether the first of the other threads is in the kernel.
HERE = (_team._HERE + 1) * _team._LINE
count_processors = _team._n_processors


@pytest.fixture(autouse=True)
def many_processors(monkeypatch):
    monkeypatch.setattr(_team, "_n_processors", lambda: N_THREADS)


@pytest.fixture
def patience(monkeypatch):
    """Let threads look for tasks longer than a busy machine takes to offer them: a second."""
    monkeypatch.setattr(_team, "_LOOKS", 4 * 10**7)


@njit(nogil=True)
def count(done, batches, work, found, thread, shared, n_tasks):
    """Count for each task how often each thread does it, and keep the batch that it sees."""
    enter(shared, n_tasks)
    while True:
        task = next_task(shared, n_tasks)
        if task < 0:
            break
        for k in range(work[task]):
            found[task] += np.sqrt(k)
        done[thread, task] += 1
        batches[task] = look(shared, BATCH)


@njit(nogil=True)
def take(shared, n_tasks, new):
    """Return a task, as a thread that is new or not."""
    if new:
        enter(shared, n_tasks)
    return next_task(shared, n_tasks)


class Counting:
    """A team, and what it has done."""

    def __init__(self, n_threads, most, stay=False):
        self.done, self.batches = np.zeros((n_threads, most), int), np.zeros(most, int)
        self.work, self.found = np.full(most, 1000), np.zeros(most)
        self.team = Team(self.run, n_threads, stay)

    def run(self, thread, shared, n_tasks):
        arrays = self.done, self.batches, self.work, self.found
        count(*arrays, thread, shared, n_tasks)


class Slow(Counting):
    """A team whose tasks take so long that others come in time; and which threads began."""

    def __init__(self, *args):
        super().__init__(*args)
        self.begun = []

    def run(self, thread, shared, n_tasks):
        self.begun.append(thread)
        task = take(shared, n_tasks, True)
        while task >= 0:
            time.sleep(0.02)
            self.done[thread, task] += 1
            task = take(shared, n_tasks, False)


def wait_for_others(team):
    """Wait until the other threads of a team have left."""
    wait([other for other in team._others if other is not None], timeout=60)


def wait_until(condition):
    """Wait for a condition, a minute at most."""
    end = time.monotonic() + 60
    while not condition():
        assert time.monotonic() < end
        time.sleep(1e-3)


@pytest.mark.parametrize("n_threads", [1, 2, N_THREADS])
@pytest.mark.parametrize("stay", [False, True])
def test_each_task_is_done_once_in_each_call(n_threads, stay):
    rng = np.random.default_rng(0)
    most = 40
    counting = Counting(n_threads, most, stay)
    for batch in range(300):
        n_tasks = rng.integers(1, most + 1)
        counting.work[:] = rng.integers(0, 3000, size=most)
        # Some gaps are longer than the others stay, and some are not.
        if batch % 10 == 0:
            time.sleep(rng.choice([1e-4, 3e-3]))
        counting.done[:] = 0
        counting.team.work(int(n_tasks), batch)
        # Nobody is at it any more when the call returns.
        done = counting.done.sum(axis=0)
        np.testing.assert_array_equal(done, np.arange(most) < n_tasks)
        np.testing.assert_array_equal(counting.batches[:n_tasks], batch)


@pytest.mark.usefixtures("patience")
def test_threads_share_what_takes_long():
    slow = Slow(N_THREADS, 20)
    slow.team.work(20)
    assert (slow.done.sum(axis=0) == 1).all()
    assert (slow.done.sum(axis=1) > 0).all()


@pytest.mark.usefixtures("patience")
def test_others_stay_for_the_next_call_and_leave_when_none_comes():
    counting, begun = Counting(2, 20, True), []
    counting.team._run = lambda thread, *args: begun.append(thread) or counting.run(thread, *args)
    for _ in range(20):
        counting.team.work(20)
    [other] = counting.team._others
    assert not other.done()
    other.result(timeout=60)
    assert begun.count(0) == 20
    assert begun.count(1) == 1
    counting.team.work(20)
    counting.team._others[0].result(timeout=60)
    assert begun.count(1) == 2


def test_one_that_has_left_is_called_again_before_it_can_say_so(monkeypatch):
    """Its future ends when it has the interpreter lock, which the one that leads may hold."""
    monkeypatch.setattr(_team, "_LOOKS", 1)
    counting, may_say_so = Counting(2, 20, True), threading.Event()

    def run(thread, shared, n_tasks):
        counting.run(thread, shared, n_tasks)
        if thread:
            may_say_so.wait(timeout=60)

    counting.team._run = run
    counting.team.work(20)
    [other] = counting.team._others
    wait_until(lambda: not counting.team._shared[HERE])
    assert not other.done()
    counting.team.work(20)
    assert counting.team._others[0] is not other
    may_say_so.set()
    wait_for_others(counting.team)
    np.testing.assert_array_equal(counting.done.sum(axis=0), 2)


def test_others_do_not_leave_between_being_counted_and_being_offered_tasks(monkeypatch):
    monkeypatch.setattr(_team, "_LOOKS", 1)
    counting, here = Counting(2, 20, True), []

    def run(thread, shared, n_tasks):
        if thread == 0:
            # It has looked for tasks.
            wait_until(lambda: shared[_team._TODO * _team._LINE] < 0)
            time.sleep(0.05)
            here.append(shared[HERE])
        counting.run(thread, shared, n_tasks)

    counting.team._run = run
    counting.team.work(20)
    assert here == [1]
    counting.team._others[0].result(timeout=60)
    assert counting.team._shared[HERE] == 0


@pytest.mark.parametrize("stay", [False, True])
def test_the_first_waits_for_nobody_to_come(monkeypatch, stay):
    monkeypatch.setattr(_team, "_start", lambda *args: Future())
    counting = Counting(N_THREADS, 9, stay)
    for _ in range(3):
        counting.team.work(9)
    np.testing.assert_array_equal(counting.done[0], 3)


def test_what_fails_in_another_thread_is_done_by_the_first_and_told_in_the_next_call():
    counting = Counting(2, 9)

    def run(thread, shared, n_tasks):
        if thread:
            raise MemoryError("no room")
        counting.run(thread, shared, n_tasks)

    team = Team(run, 2)
    team.work(9)
    np.testing.assert_array_equal(counting.done[0], 1)
    wait_for_others(team)
    with pytest.raises(MemoryError, match="no room"):
        team.work(9)


@pytest.mark.usefixtures("patience")
@pytest.mark.parametrize(
    ("n_threads", "n_tasks", "n_processors", "expected"),
    [(9, 20, 4, 4), (9, 2, 4, 2), (9, 20, 1, 1), (2, 20, 4, 2), (1, 20, 4, 1)],
)
def test_how_many_threads_there_are(monkeypatch, n_threads, n_tasks, n_processors, expected):
    monkeypatch.setattr(_team, "_n_processors", lambda: n_processors)
    slow = Slow(n_threads, n_tasks)
    slow.team.work(n_tasks)
    wait_for_others(slow.team)
    assert sorted(slow.begun) == list(range(expected))


@pytest.mark.usefixtures("patience")
def test_no_more_threads_are_kept_than_there_are_processors():
    teams = [Counting(N_THREADS, 20).team for _ in range(5)]
    callers = [threading.Thread(target=team.work, args=(20,)) for team in teams]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    for team in teams:
        wait_for_others(team)
    assert 0 < len(_team._idle) <= N_THREADS


@pytest.mark.usefixtures("patience")
def test_a_team_has_a_thread_for_each_processor_of_this_machine(monkeypatch):
    monkeypatch.setattr(_team, "_n_processors", count_processors)
    n_processors = joblib.cpu_count()
    slow = Slow(n_processors + 1, 5 * n_processors)
    slow.team.work(5 * n_processors)
    wait_for_others(slow.team)
    assert sorted(slow.begun) == list(range(n_processors))


def test_teams_of_several_threads_work_at_once():
    n_teams, n_calls = 3, 200
    # Only where all are at work does one go on; it breaks where some have to wait for others.
    everyone = threading.Barrier(n_teams)

    def work(counting):
        run = counting.team._run

        def run_with_others(thread, *arguments):
            if thread == 0:
                everyone.wait(timeout=60)
            run(thread, *arguments)

        counting.team._run = run_with_others
        for _ in range(n_calls):
            counting.team.work(20)

    countings = [Counting(N_THREADS, 20, True) for _ in range(n_teams)]
    with ThreadPoolExecutor(n_teams) as callers:
        list(callers.map(work, countings))
    for counting in countings:
        np.testing.assert_array_equal(counting.done.sum(axis=0), n_calls)
