from __future__ import annotations

import itertools
import re
from pathlib import Path

import numpy as np
import pytest
from matplotlib import image
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.path import Path as Outline
from matplotlib.text import Text
from matplotlib.transforms import Affine2D

from analysis import ladder, ladder_text
from analysis.errors import ResultsError
from analysis.ladder import Arrow, Ladder, Note
from analysis.plots.ladder import ladder as draw
from analysis.plots.style import save
from tests import traced


@pytest.fixture(scope="module")
def plain(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return traced.write(tmp_path_factory.mktemp("plain") / "run")


@pytest.fixture(scope="module")
def unanswered(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return traced.write(tmp_path_factory.mktemp("unanswered") / "run", loss=1)


@pytest.fixture(scope="module")
def lossy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return traced.write(tmp_path_factory.mktemp("lossy") / "run", loss=0.3, connections=12)


def simultaneous_open() -> Ladder:
    return Ladder(
        *(3, ("Seattle", "New York"), ("10.0.0.1:5000", "10.0.0.2:5000"), "established", 0.02),
        states=("CLOSED", "CLOSED"),
        arrows=[
            Arrow(0, 0.0, 0.02, "SYN seq 0"),
            Arrow(1, 0.005, 0.025, "SYN seq 0"),
            Arrow(1, 0.02, 0.04, "SYN+ACK seq 0, ack 1"),
            Arrow(0, 0.025, 0.045, "SYN+ACK seq 0, ack 1"),
        ],
        notes=[Note(0, 0.04, "ESTABLISHED", "state"), Note(1, 0.045, "ESTABLISHED", "state")],
    )


def test_text_of_a_handshake_and_close(plain: Path) -> None:
    text = "".join(f"{line}\n" for line in ladder_text.lines(ladder.load(plain, 0)))
    golden = (Path(__file__).parents[1] / "data" / "ladder_plain.txt").read_text()
    assert re.sub(r"(10\.0\.0\.1:)\d+", r"\g<1>49152", text) == golden


def test_text_of_eleven_syns_into_a_black_hole(unanswered: Path) -> None:
    lines = list(ladder_text.lines(ladder.load(unanswered, 0)))
    lost = [line for line in lines if "X loss" in line]
    assert [" again" in line for line in lost] == [False] + [True] * 10
    assert lines[0] == "connection 0: timed out (ETIMEDOUT)"
    assert "connect(): ETIMEDOUT" in lines[-2]
    assert sum("timer expires" in line for line in lines) == 11
    assert max(map(len, lines)) <= 100


def test_a_closed_port_has_no_listener(tmp_path: Path) -> None:
    refused = ladder.load(traced.write(tmp_path / "run", port=81), 0)
    assert refused.states == ("CLOSED", "CLOSED")
    assert [arrow.label for arrow in refused.arrows] == ["SYN seq 0", "RST+ACK seq 0, ack 1"]
    assert refused.notes[-1].text == "connect(): ECONNREFUSED"


def test_arrows_take_the_path_s_delay(lossy: Path) -> None:
    arrows = [arrow for number in range(12) for arrow in ladder.load(lossy, number).arrows]
    arrived = [arrow for arrow in arrows if arrow.arrived_s is not None]
    assert len(arrived) < len(arrows)
    assert all(bool(arrow.lost) == (arrow.arrived_s is None) for arrow in arrows)
    for arrow in arrived:
        assert arrow.arrived_s == pytest.approx(arrow.sent_s + 0.02)


def test_a_timer_that_expires_ends_where_it_was_due(unanswered: Path) -> None:
    timers = ladder.load(unanswered, 0).timers
    assert [timer.expired for timer in timers] == [True] * 11
    for timer, following in itertools.pairwise(timers):
        assert timer.ended_s == following.started_s


@pytest.mark.parametrize(("connection", "words"), [(99, "no connection 99"), (0, "not traced")])
def test_what_cannot_be_drawn_is_one_clear_line(
    plain: Path, tmp_path: Path, connection: int, words: str
) -> None:
    for name in ("run.json", "connections.parquet"):
        (tmp_path / name).write_bytes((plain / name).read_bytes())
    with pytest.raises(ResultsError, match=words):
        ladder.load(tmp_path, connection)


def corners(text: Text, canvas: FigureCanvasAgg) -> np.ndarray:
    """Return the corners of a text on paper, pixels: 4 x 2."""
    angle = text.get_rotation()
    text.set_rotation(0)
    (x0, y0), (x1, y1) = text.get_window_extent(canvas.get_renderer()).get_points()
    text.set_rotation(angle)
    box = Outline([(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    anchor = text.get_transform().transform(text.get_position())
    turned = Affine2D().rotate_deg_around(*anchor, angle).transform_path(box)
    return np.asarray(turned.vertices)


def overlap(one: np.ndarray, other: np.ndarray) -> bool:
    """Whether two rectangles meet: no side of either has them apart."""
    for box in (one, other):
        for side in box[1:3] - box[:2]:
            normal = np.array([-side[1], side[0]])
            ours, theirs = one @ normal, other @ normal
            if ours.max() <= theirs.min() or theirs.max() <= ours.min():
                return False
    return True


def overlapping(figure: Figure) -> list[tuple[str, str]]:
    """Pairs of texts that meet on paper, slanted ones too."""
    canvas = FigureCanvasAgg(figure)
    canvas.draw()
    texts = [*figure.axes[0].texts, *figure.texts, *figure.legends[0].texts]
    boxes = [(text.get_text(), corners(text, canvas)) for text in texts if text.get_text()]
    return [
        (a, b) for (a, one), (b, other) in itertools.combinations(boxes, 2) if overlap(one, other)
    ]


def test_overlaps_of_slanted_texts_are_found() -> None:
    figure = Figure()
    axes = figure.add_axes((0, 0, 1, 1))
    figure.legend(handles=[])
    axes.text(0.1, 0.1, "a long slanted text", rotation=45, rotation_mode="anchor")
    axes.text(0.2, 0.1, "beside it", rotation=45, rotation_mode="anchor")
    axes.text(0.2, 0.22, "across it")
    assert overlapping(figure) == [("a long slanted text", "across it")]


def test_no_label_overlaps_another(plain: Path, unanswered: Path, lossy: Path) -> None:
    ladders = [ladder.load(plain, 0), ladder.load(unanswered, 0), simultaneous_open()]
    ladders += [ladder.load(lossy, number) for number in range(12)]
    for each in ladders:
        assert overlapping(draw(each)) == []


def test_two_minutes_fit_a_page(unanswered: Path) -> None:
    width, height = draw(ladder.load(unanswered, 0)).get_size_inches()
    assert width == 8
    assert height < 20


@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_a_picture_in_each_format(tmp_path: Path, ending: str) -> None:
    file = tmp_path / f"ladder.{ending}"
    save(draw(simultaneous_open()), file)
    assert file.stat().st_size > 5000


def test_pictures_read_in_dark_surroundings(tmp_path: Path) -> None:
    save(draw(simultaneous_open()), tmp_path / "ladder.png")
    pixels = image.imread(tmp_path / "ladder.png")
    white = [1.0, 1.0, 1.0, 1.0]
    assert [list(pixels[row, column]) for row in (0, -1) for column in (0, -1)] == [white] * 4


def test_a_connection_without_any_packet_is_drawn() -> None:
    draw(Ladder(0, ("a", "b"), ("", ""), "unreachable (ENETUNREACH)", 0.0, ("CLOSED", "CLOSED")))


def test_of_a_long_exchange_the_beginning_is_drawn() -> None:
    long = simultaneous_open()
    long.arrows += [Arrow(0, 0.1 * number, 0.1 * number + 0.02, "ACK") for number in range(1, 900)]
    figure = draw(long)
    assert figure.get_size_inches()[1] < 300
    left_out = [text.get_text() for text in figure.axes[0].texts if "more" in text.get_text()]
    drawn = [text for text in figure.axes[0].texts if text.get_text() == "ACK"]
    assert left_out == [f"and {899 - len(drawn)} packets more"]
