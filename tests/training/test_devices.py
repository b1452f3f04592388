"""An update on a device that holds no numbers: most of what torch makes on another one raises."""

from contextlib import nullcontext

import numpy as np
import pytest
from skorch.dataset import Dataset

from sklearn_emerge import (
    GRUPredictor,
    LSTMPredictor,
    OscillatorWorld,
    RegimeWorld,
    RNNPredictor,
    TransformerPredictor,
)
from sklearn_emerge.training._isolation import isolated_torch
from sklearn_emerge.training._net import batches_of, make_net

TOKENS = np.random.default_rng(0).integers(5, size=(20, 12))
NUMBERS = OscillatorWorld(n_steps=12).sample(20, random_state=0).X
BITS = RegimeWorld(n_steps=12).sample(20, random_state=0).X
CASES = [
    (RNNPredictor(3), NUMBERS),
    (GRUPredictor(3, time_channel="full_time"), NUMBERS),
    (LSTMPredictor(3, likelihood="bernoulli"), BITS),
    (GRUPredictor(3, likelihood="categorical"), TOKENS),
    (RNNPredictor(3, training="readout", head="sgd"), NUMBERS),
    (TransformerPredictor(8, 1, 2), NUMBERS),
    (TransformerPredictor(8, 1, 2, likelihood="categorical", dropout=0.1), TOKENS),
    (TransformerPredictor(8, 1, 2, likelihood="categorical", weight_decay=0.1), TOKENS),
]


@pytest.mark.parametrize(("model", "X"), CASES)
def test_an_update_stays_on_its_device(monkeypatch, model, X):
    # What holds no numbers cannot train, and has no random numbers nor precision of its own.
    predictor = "sklearn_emerge.predictors._neural"
    monkeypatch.setattr(f"{predictor}.check_device", lambda device: None)
    monkeypatch.setattr(
        f"{predictor}.isolated_torch", lambda stream, _: isolated_torch(stream, "cpu")
    )
    monkeypatch.setattr("sklearn_emerge.training._net.products_in", lambda *_: nullcontext())
    model = model.set_params(device="meta", max_steps=4, batch_size=7, random_state=0)
    job = model.training_job(model.prepare(X))
    assert job.engine == "torch"
    net = make_net(job.network, job.loss, [batches_of(job)], len(X), job.optimisation)
    data = job.to_tensors(job.sequences)
    assert {each.device.type for each in data} == {"meta"}
    batch = next(iter(net.get_iterator(Dataset(*data), training=True)))
    before = {name: weight.shape for name, weight in job.network.named_parameters()}
    loss = net.train_step(batch)["loss"]
    assert (loss.device.type, loss.shape) == ("meta", ())
    for name, weight in job.network.named_parameters():
        assert weight.grad.device.type == "meta", name
        assert weight.grad.shape == weight.shape == before[name]
