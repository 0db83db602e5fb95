"""The Inception network of FID against pytorch-fid's own, with random weights: the true ones are a download."""

import hashlib
import io
import pickle
import sys

import pytest
import torch
from pytorch_fid import inception as theirs

from course_lib import models, published


class Trap:
    """Unpickled, it would make a file."""

    def __reduce__(self):
        return (open, ("trapped", "w"))


def serve(server, monkeypatch, content):
    server.files["/weights.pth"] = content
    monkeypatch.setattr(published, "INCEPTION_URL", server.url + "weights.pth")
    monkeypatch.setattr(published, "INCEPTION_HASH", "sha256:" + hashlib.sha256(content).hexdigest())


def test_inception_downloads_its_weights_and_agrees_with_pytorch_fid(server, monkeypatch, tmp_path):
    random = models.Inception().layers.eval()
    with torch.no_grad():
        for layer in random.modules():
            if isinstance(layer, torch.nn.BatchNorm2d):
                layer.running_mean.normal_(std=0.1)
                layer.running_var.uniform_(0.5, 1.5)
    weights = random.state_dict() | {"fc.weight": torch.zeros(1008, 2048), "fc.bias": torch.zeros(1008)}
    file = io.BytesIO()
    torch.save(weights, file)
    serve(server, monkeypatch, file.getvalue())
    ours = published.inception(root=tmp_path)
    assert [path.name for path in tmp_path.glob("*.pth")] == ["weights.pth"]
    assert not ours.training

    monkeypatch.setattr(theirs, "load_state_dict_from_url", lambda *_, **__: weights)
    gray = torch.rand(1, 1, 40, 50)
    with torch.no_grad():
        (expected,) = theirs.InceptionV3().eval()(gray.expand(-1, 3, -1, -1))
        found = ours.features(gray)
    assert found.shape == (1, 2048)
    assert found.std() > 0.01
    torch.testing.assert_close(found, expected.flatten(1))


def test_inception_runs_no_code_from_a_pickle(server, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    serve(server, monkeypatch, pickle.dumps(Trap(), protocol=2))
    with pytest.raises(pickle.UnpicklingError):
        published.inception(root=tmp_path)
    assert not (tmp_path / "trapped").exists()


def test_inception_refuses_another_file(server, monkeypatch, tmp_path):
    serve(server, monkeypatch, b"the weights")
    server.files["/weights.pth"] = b"something else"
    with pytest.raises(OSError, match=r"Could not get weights\.pth: .*mnist_features\(\) needs no download"):
        published.inception(root=tmp_path)
    assert not list(tmp_path.glob("*.pth"))


def test_inception_says_which_package_it_needs(monkeypatch):
    monkeypatch.setitem(sys.modules, "pytorch_fid.inception", None)
    with pytest.raises(ImportError, match=r"Expected the package pytorch-fid, .* pip install pytorch-fid"):
        models.Inception()


def test_inception_refuses_other_shapes():
    with pytest.raises(ValueError, match=r"images \(B, C, H, W\) with C = 1 or 3, got \(2, 28, 28\)"):
        models.Inception().features(torch.rand(2, 28, 28))
