"""Checkpoints are found, loaded one at a time, measured as by hand, and never mixed up."""

import gc
import json
import logging
import os
import re
import signal
import subprocess
import sys
import weakref
from pathlib import Path

import numpy as np
import pytest
import torch
import xarray as xr

from sklearn_emerge import CheckpointSeries
from sklearn_emerge._random import seed_sequence, substream
from sklearn_emerge.checkpoints import _series
from sklearn_emerge.checkpoints._model import blocks_of, draw_next_tokens, next_token_loss
from sklearn_emerge.geometry import (
    departure_step,
    fisher_rank,
    gradient_rank,
    hessian_top,
    hessian_trace,
    participation_ratio,
    rankme,
    rankme_of_noise,
)

STEPS = (0, 1, 512, 1000)
RNG = np.random.default_rng(0)
SETS = {"long": RNG.integers(128, size=(20, 12)), "short": RNG.integers(128, size=(9, 5))}
QUIET = dict(progress=False)


@pytest.fixture(scope="module")
def library():
    """The optional library, which never asks the network."""
    reason = 'needs pip install "sklearn-emerge[checkpoints]"'
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("HF_HUB_OFFLINE", "1")
        transformers = pytest.importorskip("transformers", reason=reason)
        transformers.utils.logging.disable_progress_bar()
        # What is there already need not be searched after each model.
        gc.freeze()
        yield transformers
        gc.unfreeze()


def neox(library, seed, **options):
    """A network of two blocks, whose weights are random."""
    sizes = dict(hidden_size=32, num_hidden_layers=2, num_attention_heads=2, intermediate_size=64)
    config = library.GPTNeoXConfig(
        vocab_size=128, max_position_embeddings=16, initializer_range=0.2, **sizes | options
    )
    return seeded(library.GPTNeoXForCausalLM, config, seed)


def seeded(model, config, seed=0):
    """A model whose weights are the same at each call."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return model(config)


@pytest.fixture(scope="module")
def folder(library, tmp_path_factory):
    """Four checkpoints, which a test must not change."""
    path = tmp_path_factory.mktemp("neox")
    for step in STEPS:
        neox(library, step).save_pretrained(path / f"step{step}")
    return path


@pytest.fixture
def no_loading(monkeypatch):
    monkeypatch.setattr(_series, "load_model", lambda *args: pytest.fail("a model was loaded"))


@pytest.fixture
def loaded(monkeypatch):
    """Names of the folders that were loaded, in order."""
    names, load = [], _series.load_model
    monkeypatch.setattr(
        _series, "load_model", lambda path, device: names.append(path.name) or load(path, device)
    )
    return names


def empty_series(path, *names):
    for name in names:
        (path / name).mkdir(parents=True)
        (path / name / "config.json").write_text("{}")
    return path


def test_folders_of_all_names_are_found_and_sorted_by_number(tmp_path):
    names = "step1000", "step_20", "checkpoint-3", "global_step512", "iter_0000100"
    empty_series(tmp_path, *names, "logs", "step", "step10-old")
    (tmp_path / "step7").write_text("no folder")
    series = CheckpointSeries(str(tmp_path))
    assert series.steps == (3, 20, 100, 512, 1000)
    assert "5 step(s) from 3 to 1000" in repr(series)


def test_folders_without_checkpoints_are_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="nothing' does not exist; pass a folder of"):
        CheckpointSeries(tmp_path / "nothing")
    with pytest.raises(ValueError, match="folder=3 is no path"):
        CheckpointSeries(3)
    (tmp_path / "file").touch()
    with pytest.raises(ValueError, match="is a file; pass the folder that holds"):
        CheckpointSeries(tmp_path / "file")
    (tmp_path / "main").mkdir()
    with pytest.raises(ValueError, match="no folder named as step1000.* its folders are 'main'"):
        CheckpointSeries(tmp_path)
    one = empty_series(tmp_path, "step5") / "step5"
    with pytest.raises(ValueError, match="is a single checkpoint"):
        CheckpointSeries(one)
    (tmp_path / "step_5").mkdir()
    with pytest.raises(ValueError, match="two folders of step 5, 'step5' and 'step_5'"):
        CheckpointSeries(tmp_path)
    (tmp_path / "step_5").rename(tmp_path / "step6")
    with pytest.raises(ValueError, match="1 of 2 checkpoints have no config.json, first 'step6'"):
        CheckpointSeries(tmp_path)


ROWS = SETS["short"]
REFUSED = {
    "no set": ({}, {}, "must be arrays of tokens by name, at least one, and not empty"),
    "array": (ROWS, {}, "must be arrays of tokens by name, at least one, and not ndarray;"),
    "name": ({3: ROWS}, {}, "has the name 3"),
    "floats": ({"a": ROWS / 2}, {}, "is of type float64, and tokens are integers"),
    "bools": ({"a": ROWS > 2}, {}, "is of type bool"),
    "ragged": ({"a": [[1, 2], [3]]}, {}, "sequences of 1 to 2 steps"),
    "one row": ({"a": ROWS[:1]}, {}, r"probe_sets\['a'\] has 1 row\(s\), and at least 4"),
    "flat": ({"a": ROWS[0]}, {}, r"has shape \(5,\)"),
    "one token": ({"a": ROWS[:, :1]}, {}, r"has shape \(9, 1\)"),
    "same": ({"a": np.ones((9, 5), int)}, {}, "the same tokens in all 9 rows"),
    "measure": ({"a": ROWS}, {"measures": ["rank_me"]}, "'rank_me'.*Did you mean 'rankme'"),
    "text": ({"a": ROWS}, {"measures": "nll"}, "must be names"),
    "always": ({"a": ROWS}, {"measures": ["hessian_top"]}, "can take minutes a checkpoint"),
    "step": ({"a": ROWS}, {"steps": [511]}, "steps has 511, of which .* nearest is 512"),
    "no step": ({"a": ROWS}, {"steps": []}, "steps is empty"),
    "number": ({"a": ROWS}, {"steps": 5}, "steps=5 must be a list"),
    "probes": (
        {"a": ROWS},
        {"measures": {"hessian_trace": None}, "options": {"hessian_trace": {"n_probes": 1}}},
        r"options\['hessian_trace'\]: n_probes=1",
    ),
    "end": (
        {"a": ROWS},
        {"measures": {"hessian_top": None}, "options": {"hessian_top": {"which": "LM"}}},
        r"options\['hessian_top'\]: which='LM' is neither",
    ),
    "step size": (
        {"a": ROWS},
        {
            "measures": {"local_learning_coefficient": None},
            "options": {"local_learning_coefficient": {"step_size": "small"}},
        },
        "step_size='small' is neither 'auto' nor",
    ),
    "chains": (
        {"a": ROWS},
        {
            "measures": {"local_learning_coefficient": None},
            "options": {"local_learning_coefficient": {"n_beta": 0}},
        },
        "n_beta=0 is not a positive number",
    ),
    "least": (
        {"a": ROWS},
        {"measures": {"fisher_rank": None}, "options": {"fisher_rank": {"least_loss": -1}}},
        r"options\['fisher_rank'\]: least_loss=-1 must be",
    ),
    "its step": (
        {"a": ROWS},
        {"measures": {"hessian_top": [1]}, "steps": [0]},
        r"measures\['hessian_top'\] has 1, of which",
    ),
    "place": ({"a": ROWS}, {"position": 5}, "position=5 is outside of the rows"),
    "fraction": ({"a": ROWS}, {"position": 0.5}, "position=0.5 must be an integer"),
    "options": ({"a": ROWS}, {"options": {"nll": {}}}, "options has 'nll'"),
    "no options": ({"a": ROWS}, {"options": 3}, "options=3 must be arguments by name"),
    "argument": (
        {"a": ROWS},
        {"measures": {"hessian_trace": None}, "options": {"hessian_trace": {"n_probe": 3}}},
        "'n_probe'; choose from n_probes. Did you mean 'n_probes'",
    ),
    "batch": ({"a": ROWS}, {"batch_size": 0}, "batch_size=0 must be an integer of at least 1"),
    "device": ({"a": ROWS}, {"device": "abacus"}, "device='abacus' cannot be used"),
    "progress": ({"a": ROWS}, {"progress": "dots"}, "progress='dots' is none of"),
}


@pytest.mark.usefixtures("no_loading")
@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_asked_is_said_before_loading(case, tmp_path):
    """Without transformers, too."""
    probe_sets, options, message = REFUSED[case]
    series = CheckpointSeries(empty_series(tmp_path, *(f"step{step}" for step in STEPS)))
    with pytest.raises(ValueError, match=message):
        series.track(probe_sets, **options)


def test_states_that_cannot_differ_are_refused(tmp_path):
    """The same beginning of text: their rounding errors would have a rank."""
    series = CheckpointSeries(empty_series(tmp_path, "step0"))
    rows = ROWS.copy()
    rows[:, :2] = 7, 8
    with pytest.raises(ValueError, match="position=-4: all rows of .* have the same tokens up to"):
        series.track({"a": rows}, position=-4)


def test_what_is_missing_is_named_without_the_library(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    series = CheckpointSeries(empty_series(tmp_path, "step0"))
    for call in (lambda: series.track(SETS), lambda: series.load(0)):
        with pytest.raises(ImportError, match=r'pip install "sklearn-emerge\[checkpoints\]"'):
            call()


@pytest.mark.usefixtures("no_loading")
def test_rows_are_those_that_the_configuration_allows(folder):
    series = CheckpointSeries(folder)
    for token in 128, -1:
        rows = ROWS.copy()
        rows[2, 3] = token
        with pytest.raises(ValueError, match=rf"\[2, 3\] is {token}, and .* gpt_neox are 0 to 127"):
            series.track({"a": rows})
    with pytest.raises(ValueError, match="rows of 17 tokens, and this gpt_neox takes 16"):
        series.track({"a": RNG.integers(128, size=(5, 17))})


@pytest.mark.usefixtures("no_loading")
def test_folders_are_looked_at_before_loading(library, tmp_path):
    neox(library, 0).save_pretrained(tmp_path / "step0")
    other = neox(library, 0, num_hidden_layers=1)
    other.save_pretrained(tmp_path / "step1")
    series = CheckpointSeries(tmp_path)
    with pytest.raises(ValueError, match="steps 0 and 1 are of different models"):
        series.track(SETS)
    (tmp_path / "step1" / "model.safetensors").unlink()
    with pytest.raises(ValueError, match="step1 holds no weights"):
        series.track(SETS, steps=[1])
    (tmp_path / "step1" / "config.json").write_text("{}")
    with pytest.raises(ValueError, match="step1/config.json is no configuration that"):
        series.track(SETS, steps=[1])


def by_hand(model, tokens, position):
    """States of each layer, and the mean loss of next tokens, from what the model returns."""
    tokens = torch.from_numpy(tokens)
    outputs = []
    (name,) = (n for n, m in model.named_modules() if n.endswith((".layers", ".h")))
    blocks = model.get_submodule(name)
    hook = blocks[-1].register_forward_hook(lambda module, args, output: outputs.append(output))
    with torch.no_grad():
        found = model(tokens, output_hidden_states=True)
    hook.remove()
    last = outputs[0][0] if isinstance(outputs[0], tuple) else outputs[0]
    states = [*found.hidden_states[:-1], last, found.hidden_states[-1]]
    likely = found.logits[:, :-1].log_softmax(2).gather(2, tokens[:, 1:, None])
    return [each[:, position].numpy() for each in states], -likely.double().mean().item()


@pytest.mark.parametrize("position", [-1, 3])
@pytest.mark.parametrize("kind", ["neox", "gpt2", "opt"])
def test_values_are_those_of_geometry(kind, position, folder, library, tmp_path):
    if kind == "gpt2":
        sizes = dict(n_embd=16, n_layer=3, n_head=2, n_positions=16, vocab_size=128)
        sizes |= dict(bos_token_id=0, eos_token_id=0, initializer_range=0.2)
        folder = tmp_path
        model = seeded(library.GPT2LMHeadModel, library.GPT2Config(**sizes))
        model.save_pretrained(folder / "checkpoint-0")
    if kind == "opt":
        # Its head asks a part of what is before it, and what it returns is narrower.
        sizes = dict(hidden_size=16, ffn_dim=32, num_hidden_layers=2, num_attention_heads=2)
        sizes |= dict(vocab_size=128, max_position_embeddings=16, word_embed_proj_dim=8)
        sizes |= dict(do_layer_norm_before=False, init_std=0.2)
        folder = tmp_path
        model = seeded(library.OPTForCausalLM, library.OPTConfig(**sizes))
        model.save_pretrained(folder / "checkpoint-0")
    series = CheckpointSeries(folder)
    found = series.track(SETS, steps=[0], position=position, batch_size=3, **QUIET)
    model = series.load(0)
    n_layers = len(found.layer) - 2
    assert found.layer.values.tolist() == [
        "embedding",
        *map(str, range(1, n_layers + 1)),
        "norm",
    ]
    np.testing.assert_allclose(found.depth, [*np.arange(n_layers + 1) / n_layers, 1])
    for name, tokens in SETS.items():
        states, loss = by_hand(model, tokens, position)
        own = found.sel(step=0, probe_set=name)
        for place, Z in zip(found.layer.values, states, strict=True):
            here = own.sel(layer=place)
            np.testing.assert_allclose(here.rankme, rankme(Z), rtol=1e-5)
            np.testing.assert_allclose(here.participation_ratio, participation_ratio(Z), rtol=1e-4)
            np.testing.assert_allclose(here.rankme_of_noise, rankme_of_noise(*Z.shape))
        np.testing.assert_allclose(own.nll, loss, rtol=1e-6)
    # The last block and the state after the norm are two places.
    assert abs(own.rankme[-1] - own.rankme[-2]) > 1e-3
    assert (own.n_rows, own.row_length) == (9, 5)


def test_a_uniform_model_loses_the_logarithm_of_the_vocabulary(library, tmp_path):
    model = neox(library, 0)
    for weight in model.parameters():
        weight.data.zero_()
    model.save_pretrained(tmp_path / "step0")
    found = CheckpointSeries(tmp_path).track(SETS, **QUIET)
    np.testing.assert_allclose(found.nll, np.log(128), rtol=1e-6)
    assert (found.rankme == 0).all()


def test_measures_of_gradients_are_those_of_geometry_where_they_are_asked_for(folder):
    series = CheckpointSeries(folder)
    measures = {"nll": None, "gradient_rank": [0], "fisher_rank": [0, 512]}
    measures |= {"hessian_top": [512], "hessian_trace": [512], "local_learning_coefficient": [0]}
    options = {"hessian_trace": {"n_probes": 2}}
    options |= {"local_learning_coefficient": {"n_chains": 2, "n_burn_in": 2, "n_draws": 4}}
    sets = {"short": SETS["short"]}
    found = series.track(sets, measures, options=options, **QUIET).sel(probe_set="short")
    assert found.sizes["step"] == len(STEPS)
    assert "layer" not in found.dims
    assert not found.nll.isnull().any()
    for name in ("gradient_rank", "hessian_top", "hessian_trace", "fisher_rank"):
        assert found.step[found[name].notnull()].values.tolist() == measures[name]
    units = {"hessian_top": "nats", "gradient_rank_trace": "nats^2", "gradient_rank": "1"}
    assert {name: found[name].attrs["units"] for name in units} == units
    assert found.hessian_top.attrs["long_name"] == "extreme eigenvalue of the Hessian"
    assert (found.hessian_top_reasons[[0, 1, 3]] == "").all()
    rows = torch.from_numpy(sets["short"])
    batch = rows, rows[:, 1:]

    def stream(of):
        return substream(seed_sequence(0), of, "short")

    first, third = series.load(0), series.load(512)
    known = gradient_rank(first, next_token_loss, batch)
    here = found.sel(step=0)
    np.testing.assert_allclose(here.gradient_rank, known.value, rtol=1e-4)
    np.testing.assert_allclose(here.gradient_rank_trace, known.trace, rtol=1e-4)
    assert here.gradient_rank_reasons == " ".join(known.reasons)
    known = fisher_rank(
        first, next_token_loss, batch, draw_next_tokens, random_state=stream("fisher_rank")
    )
    np.testing.assert_allclose(here.fisher_rank, known.value, rtol=1e-4)
    here = found.sel(step=512)
    known = hessian_top(third, next_token_loss, batch)
    np.testing.assert_allclose(here.hessian_top, known.value, rtol=1e-3)
    known = hessian_trace(
        third, next_token_loss, batch, n_probes=2, random_state=stream("hessian_trace")
    )
    np.testing.assert_allclose(here.hessian_trace, known.value, rtol=1e-3)
    assert here.hessian_trace_n_probes == 2
    assert np.isfinite(found.sel(step=0).local_learning_coefficient)


def test_next_tokens_are_drawn_after_the_true_ones(folder):
    """Their shares are the probabilities that the model gives to each."""
    model = CheckpointSeries(folder).load(0)
    rows = torch.from_numpy(SETS["short"][:1]).repeat(4000, 1)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        tokens, drawn = draw_next_tokens(model, (rows, rows[:, 1:]), generator)
        shares = model(rows[:1]).logits[0, :-1].softmax(1)
    assert tokens is rows
    for place, share in enumerate(shares):
        counts = torch.bincount(drawn[:, place], minlength=128) / len(rows)
        # Four standard errors, of 512 shares.
        assert ((counts - share).abs() < 4.5 * (share / len(rows)).sqrt() + 1e-3).all()


def test_finished_steps_are_kept_and_damaged_ones_computed_again(folder, tmp_path, loaded):
    out = tmp_path / "found"
    series = CheckpointSeries(folder)

    def track():
        loaded.clear()
        return series.track(SETS, out=out, **QUIET)

    first = track()
    assert loaded == [f"step{step}" for step in STEPS]
    assert track().equals(first)
    assert loaded == []
    files = sorted(out.iterdir(), key=lambda path: int(path.name[4:].partition("-")[0]))
    assert [path.name.partition("-")[0] for path in files] == [f"step{step}" for step in STEPS]
    files[0].unlink()
    content = bytearray(files[2].read_bytes())
    content[len(content) // 2] ^= 1
    files[2].write_bytes(content)
    with pytest.warns(UserWarning, match="step512.*damaged.* the step is computed again"):
        assert track().equals(first)
    assert loaded == ["step0", "step512"]
    assert track().equals(first)
    assert loaded == []
    # And are data of their own.
    assert float(xr.load_dataset(files[1]).nll[0]) == float(first.nll[1, 0])


def test_a_run_that_is_cut_off_goes_on(folder, tmp_path, monkeypatch, loaded):
    measure = _series.measure

    def cut_off(*args):
        if loaded[-1] == "step512":
            raise KeyboardInterrupt
        return measure(*args)

    series = CheckpointSeries(folder)
    with monkeypatch.context() as patch:
        # The key has the source of what it calls.
        patch.setattr(_series, "key_of", lambda value: _key_of((measure, *value[1:])))
        patch.setattr(_series, "measure", cut_off)
        with pytest.raises(KeyboardInterrupt):
            series.track(SETS, out=tmp_path, **QUIET)
    assert loaded == ["step0", "step1", "step512"]
    found = series.track(SETS, out=tmp_path, **QUIET)
    assert loaded == ["step0", "step1", "step512", "step512", "step1000"]
    assert found.equals(series.track(SETS, **QUIET))


_key_of = _series.key_of

KILLED = """
import os, signal, sys
import numpy as np
from sklearn_emerge.checkpoints import CheckpointSeries, _kept, _series

folder, out, at, *rows = sys.argv[1:]
keep = _series.keep


def killed(found, path, key):
    # Half of a temporary file is there when it comes.
    if path.name.startswith(at + "-"):
        (path.parent / "tmp0").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    keep(found, path, key)


_series.keep = killed
tokens = np.array(rows, int).reshape(9, 5)
CheckpointSeries(folder).track({"short": tokens}, out=out, progress=False)
"""


@pytest.mark.slow
def test_a_run_that_is_killed_goes_on(folder, tmp_path, loaded):
    """By a signal that no program can catch, while a step is written."""
    tokens = {"short": SETS["short"]}
    rows = [str(token) for token in SETS["short"].ravel()]
    arguments = [sys.executable, "-c", KILLED, str(folder), str(tmp_path), "step512", *rows]
    code = subprocess.run(arguments, env=os.environ | {"HF_HUB_OFFLINE": "1"}).returncode
    assert code == -signal.SIGKILL
    kept = [path.name.partition("-")[0] for path in sorted(tmp_path.glob("step*.nc"))]
    assert kept == ["step0", "step1"]
    series = CheckpointSeries(folder)
    found = series.track(tokens, out=tmp_path, **QUIET)
    assert loaded == ["step512", "step1000"]
    assert found.equals(series.track(tokens, **QUIET))
    loaded.clear()
    assert series.track(tokens, out=tmp_path, **QUIET).equals(found)
    assert loaded == []


def test_what_was_found_of_other_things_is_never_taken(library, tmp_path, loaded):
    for step in 0, 1:
        neox(library, step).save_pretrained(tmp_path / f"step{step}")
    out = tmp_path / "found"
    series = CheckpointSeries(tmp_path)

    def track(sets=SETS, **options):
        loaded.clear()
        return series.track(sets, **{"out": out, **QUIET, **options})

    first = track(measures=["nll"])
    for changed in (
        {"sets": {"long": SETS["long"][::-1], "short": SETS["short"]}},
        {"sets": {"other": SETS["long"], "short": SETS["short"]}},
        {"measures": ["nll", "rankme"]},
        {"position": 0},
        {"random_state": 1},
    ):
        track(**{"measures": ["nll"], **changed})
        assert loaded == ["step0", "step1"], changed
    # How many rows go through at once is no such thing.
    assert track(measures=["nll"], batch_size=2).equals(first)
    assert loaded == []
    # What is asked of another step is none either.
    track(measures={"nll": None, "hessian_trace": [1]}, options={"hessian_trace": {"n_probes": 2}})
    assert loaded == ["step1"]
    neox(library, 5).save_pretrained(tmp_path / "step1")
    changed = track(measures=["nll"])
    assert loaded == ["step1"]
    assert (changed.nll[0] == first.nll[0]).all()
    assert (changed.nll[1] != first.nll[1]).all()


def test_one_model_is_in_memory_at_a_time(folder, monkeypatch):
    alive, load = [], _series.load_model

    def counted(path, device):
        assert [model() for model in alive] == len(alive) * [None]
        model = load(path, device)
        alive.append(weakref.ref(model))
        # Some refer to themselves.
        model.own = [model]
        return model

    monkeypatch.setattr(_series, "load_model", counted)
    gc.disable()
    try:
        CheckpointSeries(folder).track(SETS, {"rankme": None, "hessian_trace": [1]}, **QUIET)
    finally:
        gc.enable()
    assert len(alive) == len(STEPS)
    assert alive[-1]() is None


def test_nothing_of_the_program_is_changed(folder, library):
    """Random numbers, and what transformers shows."""
    library.utils.logging.enable_progress_bar()
    before = torch.random.get_rng_state()
    CheckpointSeries(folder).track(SETS, steps=[0], **QUIET)
    assert torch.equal(before, torch.random.get_rng_state())
    assert library.utils.logging.is_progress_bar_enabled()
    library.utils.logging.disable_progress_bar()


def test_weights_that_are_missing_are_not_drawn_at_random(library, tmp_path):
    model = neox(library, 0)
    state = {k: v for k, v in model.state_dict().items() if "layers.1.mlp" not in k}
    model.save_pretrained(tmp_path / "step0", state_dict=state)
    with pytest.raises(ValueError, match="no weights for 4 parameter.*first gpt_neox.layers.1.mlp"):
        CheckpointSeries(tmp_path).track(SETS, **QUIET)
    (tmp_path / "step0" / "model.safetensors").write_bytes(b"cut off")
    with pytest.raises(ValueError, match="step0' cannot be loaded"):
        CheckpointSeries(tmp_path).load(0)


def test_blocks_are_looked_for_and_what_is_missing_is_said(library):
    model = neox(library, 0)
    assert blocks_of(model) == (model.gpt_neox.layers, model.gpt_neox)
    # As many experts in each block are no other blocks.
    model.gpt_neox.layers[0].experts = torch.nn.ModuleList([torch.nn.Linear(1, 1)] * 2)
    assert blocks_of(model) == (model.gpt_neox.layers, model.gpt_neox)
    model.gpt_neox.others = torch.nn.ModuleList([torch.nn.Linear(1, 1)] * 2)
    with pytest.raises(ValueError, match="GPTNeoXForCausalLM has 2 lists of 2 modules"):
        blocks_of(model)
    model = neox(library, 0)
    model.gpt_neox.layers.append(torch.nn.Linear(1, 1))
    message = r"has 0 lists of 2 modules.*gpt_neox.layers \(3\).*Leave out rankme"
    with pytest.raises(ValueError, match=message):
        blocks_of(model)


def test_weights_in_half_precision_are_computed_with_in_single(library, tmp_path):
    neox(library, 0).save_pretrained(tmp_path / "step0")
    neox(library, 0).to(torch.bfloat16).save_pretrained(tmp_path / "step1")
    series = CheckpointSeries(tmp_path)
    assert {weight.dtype for weight in series.load(1).parameters()} == {torch.float32}
    with pytest.warns(UserWarning, match="step 1, and of 1 of 2 .* bfloat16, whose rounding"):
        found = series.track(SETS, **QUIET)
    assert found.stored_dtype.values.tolist() == ["float32", "bfloat16"]
    np.testing.assert_allclose(found.rankme[1], found.rankme[0], rtol=0.01)
    assert (found.nll[0] != found.nll[1]).all()
    # Of others nothing is said, nor of what rounding does not change.
    series.track(SETS, steps=[0], **QUIET)
    series.track(SETS, ["participation_ratio"], **QUIET)


@pytest.mark.parametrize(
    ("kind", "least", "most"), [("float16", 1.03, 1.05), ("bfloat16", 1.2, 1.3)]
)
def test_rounding_has_the_rank_that_the_notes_state(kind, least, most):
    rng = np.random.default_rng(0)
    line = torch.from_numpy(np.outer(rng.normal(size=1000), rng.normal(size=512)))
    rounded = line.to(getattr(torch, kind)).double().numpy()
    assert rankme(line) == pytest.approx(1)
    assert least < rankme(rounded) < most
    assert participation_ratio(rounded) == pytest.approx(1, abs=0.01)


def test_a_model_that_has_diverged_is_nan(library, tmp_path):
    model = neox(library, 0)
    model.save_pretrained(tmp_path / "step0")
    model.gpt_neox.layers[1].mlp.dense_4h_to_h.weight.data[0, 0] = np.nan
    model.save_pretrained(tmp_path / "step1")
    measures = {"rankme": None, "participation_ratio": None, "nll": None, "gradient_rank": [1]}
    found = CheckpointSeries(tmp_path).track(SETS, measures, **QUIET)
    assert not found.nll[0].isnull().any()
    assert found.nll[1].isnull().all()
    assert found.rankme[1].isnull().all("probe_set").values.tolist() == [False, False, True, True]
    assert found.gradient_rank.isnull().all()
    assert (
        found.gradient_rank_reasons[1] == "The loss is not finite: the model has diverged."
    ).all()


def test_what_the_guide_shows_is_done(folder, tmp_path, monkeypatch):
    """On other checkpoints, with fewer and shorter rows."""
    monkeypatch.chdir(tmp_path)
    page = (Path(__file__).parents[2] / "docs" / "how-to" / "checkpoints.md").read_text()
    code = "\n".join(re.findall(r"```python\n(.*?)```", page, re.DOTALL))
    for said, done in (
        ("from transformers import AutoTokenizer\n", ""),
        ('tokenizer = AutoTokenizer.from_pretrained("pythia-70m/step4000")\n', ""),
        ('tokenizer(open("text.txt").read())["input_ids"]', "list(range(128)) * 3"),
        ("(1000, 64)", "(20, 12)"),
        ("1000 * 64", "20 * 12"),
        ('"pythia-70m"', repr(str(folder))),
        ("4000]", "1000]"),
    ):
        assert said in code
        code = code.replace(said, done)
    names = {}
    exec(code, names)
    assert names["found"].rankme.shape == (4, 1, 4)
    assert names["few"].hessian_top.notnull().sum() == 2
    assert departure_step(names["found"].rankme).dims == ("probe_set", "layer")


def test_result_is_labelled_and_can_be_written(folder, tmp_path, caplog):
    caplog.set_level(logging.INFO, "sklearn_emerge")
    found = CheckpointSeries(folder).track(SETS, steps=[512, 0], progress="log")
    assert found.step.values.tolist() == [0, 512]
    assert list(found) == ["rankme", "rankme_of_noise", "participation_ratio", "nll"]
    assert found.nll.attrs["units"] == "nats per token"
    for variable in found.variables.values():
        assert variable.attrs["long_name"]
    assert json.loads(found.attrs["configuration"])["measures"]["nll"] == [0, 512]
    found.to_netcdf(tmp_path / "found.nc")
    assert xr.load_dataset(tmp_path / "found.nc").equals(found)
    assert "2 of 2 checkpoints (step 512)" in caplog.text
