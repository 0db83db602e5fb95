"""torchvision's ResNet-18 with weights from a server of our own: the true ones are a download."""

import hashlib
import io
import pickle

import pytest
import torch
from torchvision.models import ResNet18_Weights, resnet18

from course_lib import models, published


class Trap:
    """Unpickled, it would make a file."""

    def __reduce__(self):
        return (open, ("trapped", "w"))


@pytest.fixture
def serve(server, monkeypatch):
    def serve(content):
        server.files["/weights.pth"] = content
        monkeypatch.setattr(published, "RESNET18_URL", server.url + "weights.pth")
        monkeypatch.setattr(published, "RESNET18_HASH", "sha256:" + hashlib.sha256(content).hexdigest())

    return serve


def test_it_downloads_its_weights_once_and_agrees_with_torchvision(server, serve, tmp_path):
    theirs, file = resnet18().eval(), io.BytesIO()
    torch.save(theirs.state_dict(), file)
    serve(file.getvalue())
    for _ in range(2):
        ours = published.resnet18(7, root=tmp_path)
    assert server.asked == ["/weights.pth"]
    assert not ours.training
    theirs.fc = torch.nn.Identity()
    photos = torch.rand(2, 3, 224, 224)
    preset = ResNet18_Weights.IMAGENET1K_V1.transforms()  # resizes to 256, cuts out 224: here neither changes a pixel
    preset.resize_size = [224]
    with torch.no_grad():
        torch.testing.assert_close(ours.features(photos), theirs(preset(photos)), rtol=1e-4, atol=1e-4)
        assert ours(photos).shape == (2, 7)


def test_one_argument_leaves_the_download_out(server, serve, tmp_path):
    serve(b"the weights")
    torch.manual_seed(0)
    untrained = published.resnet18(3, trained=False, root=tmp_path)
    torch.manual_seed(0)
    expected = models.ResNet18(3).state_dict()
    assert all(torch.equal(value, expected[name]) for name, value in untrained.state_dict().items())
    assert server.asked == []


def test_it_runs_no_code_from_a_pickle(serve, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    serve(pickle.dumps(Trap(), protocol=2))
    with pytest.raises(pickle.UnpicklingError):
        published.resnet18(3, root=tmp_path)
    assert not (tmp_path / "trapped").exists()


def test_without_a_server_it_says_what_needs_no_download(server, serve, tmp_path):
    serve(b"the weights")
    server.files.clear()
    with pytest.raises(OSError, match=r"Could not get weights\.pth: .*resnet18\(3, trained=False\) needs no download"):
        published.resnet18(3, root=tmp_path)


def test_the_address_is_the_one_that_torchvision_has():
    assert ResNet18_Weights.IMAGENET1K_V1.url == published.RESNET18_URL
    assert published.RESNET18_HASH.split(":")[1].startswith(published.RESNET18_URL.split("-")[1].removesuffix(".pth"))


def test_gray_images_become_rgb_and_other_shapes_are_refused():
    network = models.ResNet18(3).eval()
    gray = torch.rand(2, 1, 32, 40)
    with torch.no_grad():
        torch.testing.assert_close(network(gray), network(gray.expand(-1, 3, -1, -1)))
    with pytest.raises(ValueError, match=r"at least 32 x 32, got \(2, 1, 28, 28\); enlarge"):
        network(torch.rand(2, 1, 28, 28))
