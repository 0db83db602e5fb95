import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.colors import to_rgba

from course_lib import plots


@pytest.fixture(autouse=True)
def own_figures():
    """Each test draws in matplotlib's own style and leaves no figure."""
    with plt.rc_context():
        yield
        plt.close("all")


def drawn(ax):
    """The pixels of the one image on the axes."""
    (image,) = ax.images
    return np.asarray(image.get_array())


def test_use_style():
    plots.use_style()
    assert plt.rcParams["axes.prop_cycle"].by_key()["color"] == list(plots.COLORS)
    assert not plt.figure().add_subplot().spines["top"].get_visible()


def test_image_grid_sets_images_in_rows():
    images = torch.rand(5, 1, 2, 3)
    images[0, 0, 0, 0], images[4, 0, 1, 2] = 0, 1
    ax = plots.image_grid(images, columns=3)
    sheet = drawn(ax)
    assert sheet.shape == (2 * 2 + 1, 3 * 3 + 2)
    for i, image in enumerate(images[:, 0]):
        top, left = i // 3 * 3, i % 3 * 4
        np.testing.assert_allclose(sheet[top : top + 2, left : left + 3], image, rtol=1e-6)
    assert (sheet[2] == 1).all()
    assert (sheet[3:, 8:] == 1).all()
    assert ax.images[0].get_cmap().name == "gray"
    assert ax.images[0].get_clim() == (0, 1)


def test_image_grid_in_color():
    images = torch.randint(0, 256, (2, 3, 4, 4), dtype=torch.uint8)
    sheet = drawn(plots.image_grid(images))
    assert sheet.shape == (4, 9, 3)
    np.testing.assert_allclose(sheet[:, 5:], images[1].permute(1, 2, 0) / 255, rtol=1e-6)


@pytest.mark.parametrize(
    ("images", "limits", "expected"),
    [
        (np.array([[[51, 102]]], np.uint8), None, [0.2, 0.4]),
        (np.array([[[-1.0, 0.0, 1.0]]]), None, [0, 0.5, 1]),
        (np.array([[[-1.0, 0.0, 3.0]]]), (-1, 1), [0, 0.5, 1]),
        (np.array([[[0.3, 0.3]]]), None, [0, 0]),
    ],
    ids=["uint8", "lowest to highest", "limits", "constant"],
)
def test_image_grid_scales_values(images, limits, expected):
    np.testing.assert_allclose(drawn(plots.image_grid(images, limits=limits))[0], expected)


@pytest.mark.parametrize("titles", [["a", "b", "c"], ("a", "b", "c")])
def test_image_grid_with_titles(titles):
    images = torch.rand(3, 1, 4, 4)
    axes = plots.image_grid(images, columns=2, titles=titles, limits=(0, 1))
    assert [ax.get_title() for ax in axes] == ["a", "b", "c", ""]
    for ax, image in zip(axes[:3], images, strict=True):
        np.testing.assert_allclose(drawn(ax), image[0], rtol=1e-6)
    assert not axes[3].axison


def test_image_grid_of_a_single_pixel_column():
    assert drawn(plots.image_grid(torch.rand(1, 1, 3, 1))).shape == (3, 1)


@pytest.mark.parametrize("shape", [(4, 4), (2, 4, 8, 8), (2, 8, 8, 3), (0, 1, 8, 8), (0, 8, 8)])
def test_image_grid_of_another_shape(shape):
    with pytest.raises(ValueError, match=r"Expected images \(N, C, H, W\), C = 1 or 3, or \(N, H, W\)"):
        plots.image_grid(torch.zeros(shape))


def test_image_grid_with_titles_that_do_not_fit():
    with pytest.raises(ValueError, match=r"a title for each of 3 images .* got 2 titles"):
        plots.image_grid(torch.zeros(3, 4, 4), titles=["a", "b"])
    with pytest.raises(ValueError, match="got 1 titles and an ax"):
        plots.image_grid(torch.zeros(1, 4, 4), titles=["a"], ax=plt.subplots()[1])


ROWS = [{"epoch": 1, "loss": 2.0, "validation_loss": 3.0}, {"epoch": 2, "loss": 1.0, "validation_loss": 2.5}]


@pytest.mark.parametrize(
    ("names", "labels"),
    [(["loss", "validation_loss"], ["loss", "validation loss"]), ({"validation_loss": "held out"}, ["held out"])],
)
def test_history_draws_a_line_for_each_name(names, labels):
    ax = plots.history(ROWS, names, ylabel="loss")
    assert [text.get_text() for text in ax.get_legend().get_texts()] == labels
    for name, line in zip(names, ax.lines, strict=True):
        assert list(line.get_xdata()) == [1, 2]
        assert list(line.get_ydata()) == [row[name] for row in ROWS]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("epoch", "loss")


def test_history_draws_a_column_over_the_epochs_that_have_it():
    (line,) = plots.history([{"epoch": 1, "loss": 4.0}, *ROWS[1:]], ["validation_loss"]).lines
    assert (list(line.get_xdata()), list(line.get_ydata())) == ([2], [2.5])


def test_history_names_a_column_that_is_not_there():
    with pytest.raises(ValueError, match=r"columns of the history \(epoch, loss, validation_loss\), got 'accuracy'"):
        plots.history(ROWS, ["loss", "accuracy"])


def test_points_are_colored_by_label():
    x, labels = torch.randn(6, 2), torch.tensor([0, 2, 0, 2, 2, 12])
    ax = plots.points(x, labels, size=7)
    for label, dots in zip((0, 2, 12), ax.collections, strict=True):
        np.testing.assert_allclose(dots.get_offsets(), x[labels == label])
        assert tuple(dots.get_facecolor()[0]) == to_rgba(plots.COLORS[label % 10])
        assert dots.get_sizes() == [7]
    assert ax.get_aspect() == 1


def test_decision_regions_show_the_prediction_at_each_place():
    x, labels = np.array([[-1.0, -1.0], [1.0, 1.0]], np.float32), np.array([0, 11])
    asked = []

    def right_half(places):
        asked.append(places)
        return torch.from_numpy(places[:, 0] > 0) * 11

    ax = plots.decision_regions(right_half, x, labels, resolution=20, margin=0.5)
    (places,) = asked
    assert (places.shape, places.dtype) == ((400, 2), np.float32)
    assert (places.min(), places.max()) == (-1.5, 1.5)
    mesh = ax.collections[-1]
    classes = mesh.get_array().reshape(20, 20)
    assert (classes[:, :10] == 0).all()
    assert (classes[:, 10:] == 1).all()
    assert mesh.to_rgba([1], alpha=1)[0].tolist() == list(to_rgba(plots.COLORS[1]))
    assert len(ax.collections) == 3


def test_confusion_writes_counts_and_colors_shares():
    matrix = torch.tensor([[3, 1, 0], [0, 2, 0], [0, 0, 0]])
    ax = plots.confusion(matrix, ["cat", "dog", "owl"])
    np.testing.assert_allclose(drawn(ax), [[0.75, 0.25, 0], [0, 1, 0], [0, 0, 0]])
    assert [(text.get_text(), text.get_position(), text.get_color()) for text in ax.texts] == [
        ("3", (0, 0), "white"),
        ("1", (1, 0), "black"),
        ("2", (1, 1), "white"),
    ]
    for labels in (ax.get_xticklabels(), ax.get_yticklabels()):
        assert [label.get_text() for label in labels] == ["cat", "dog", "owl"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("predicted class", "true class")


def test_confusion_with_names_that_do_not_fit():
    with pytest.raises(ValueError, match=r"a matrix of 2 x 2 for as many classes, got \(3, 3\)"):
        plots.confusion(np.eye(3), ["cat", "dog"])


def test_reliability_draws_a_point_for_each_bin_that_has_examples():
    confidence = torch.tensor([0.25, 0.7, 0.75, 0.95, 1.0, 1.0])
    right = torch.tensor([False, True, False, True, True, False])
    ax = plots.reliability(right, confidence, bins=4)  # 0.25 and 0.75 lie on edges and count to the bin below
    diagonal, points = ax.lines
    assert list(diagonal.get_xdata()) == list(diagonal.get_ydata()) == [0, 1]
    np.testing.assert_allclose(points.get_xdata(), [0.25, 0.725, 2.95 / 3], rtol=1e-6)
    np.testing.assert_allclose(points.get_ydata(), [0, 0.5, 2 / 3])
    assert [text.get_text() for text in ax.texts] == ["1", "2", "3"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("confidence", "share right")


def test_reliability_when_all_are_right():
    (_, points) = plots.reliability(np.ones(3, bool), np.array([0.7, 0.8, 1.0], np.float32)).lines
    assert list(points.get_ydata()) == [1, 1, 1]


def test_reliability_of_what_is_no_confidence():
    with pytest.raises(ValueError, match=r"of one shape \(N,\), got \(2,\) and \(3,\)"):
        plots.reliability([True, False], [0.5, 0.5, 0.5])
    with pytest.raises(ValueError, match=r"Expected confidences 0\.\.1, got -2\.\.7; take the softmax of logits"):
        plots.reliability([True, False], [-2.0, 7.0])


@pytest.mark.parametrize(
    "draw",
    [
        lambda ax: plots.image_grid(torch.rand(2, 4, 4), ax=ax),
        lambda ax: plots.history(ROWS, ["loss"], ax=ax),
        lambda ax: plots.points(torch.rand(2, 2), torch.tensor([0, 1]), ax=ax),
        lambda ax: plots.decision_regions(lambda x: x[:, 0] > 0, np.eye(2), [0, 1], resolution=4, ax=ax),
        lambda ax: plots.confusion(np.eye(2, dtype=int), ["a", "b"], ax=ax),
        lambda ax: plots.reliability([True, False], [0.5, 0.9], ax=ax),
    ],
    ids=["image_grid", "history", "points", "decision_regions", "confusion", "reliability"],
)
def test_every_plot_draws_on_the_axes_it_is_given(draw):
    plots.use_style()
    figure, ax = plt.subplots()
    assert draw(ax) is ax
    assert plt.get_fignums() == [figure.number]
    figure.canvas.draw()
