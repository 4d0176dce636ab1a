"""sim.net.netem: texts of tc netem understood as tc (iproute2 6.1) understands them."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sim.net.distributions import named
from sim.net.models import Chance, Delay, FourState, GilbertElliott, Netem, Rate, Reorder, Slot
from sim.net.netem import NetemError, parse
from sim.units import MS, US, S


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", Netem()),
        ("delay 20ms", Netem(delay=Delay(20 * MS))),
        ("latency 20msec", Netem(delay=Delay(20 * MS))),
        ("delay 20", Netem(delay=Delay(20 * US))),
        ("delay .5S 1e3us", Netem(delay=Delay(500 * MS, MS))),
        ("delay 20ms 5ms 25%", Netem(delay=Delay(20 * MS, 5 * MS, 0.25))),
        ("delay 20ms 5ms delay 30ms", Netem(delay=Delay(30 * MS, 5 * MS))),
        (
            "distribution pareto delay 20ms 5ms",
            Netem(delay=Delay(20 * MS, 5 * MS, 0.0, named("pareto"))),
        ),
        ("loss 1%", Netem(loss=Chance(0.01))),
        ("loss 1", Netem(loss=Chance(0.01))),
        ("loss random 1% 25%", Netem(loss=Chance(0.01, 0.25))),
        ("drop 100%", Netem(loss=Chance(1.0))),
        ("loss state 1%", Netem(loss=FourState(0.01, 0.99, 0.0, 1.0, 0.0))),
        ("loss state 1% 2% 3% 4% 5%", Netem(loss=FourState(0.01, 0.02, 0.03, 0.04, 0.05))),
        ("loss gemodel 1%", Netem(loss=GilbertElliott(0.01, 0.99, 1.0, 0.0))),
        ("loss gemodel 1% 10% 70% 0.1%", Netem(loss=GilbertElliott(0.01, 0.1, 0.7, 0.001))),
        ("loss 1% ecn", Netem(loss=Chance(0.01), ecn=True)),
        ("corrupt 5% 10%", Netem(corrupt=Chance(0.05, 0.1))),
        ("duplicate .5%", Netem(duplicate=Chance(0.005))),
        (
            "gap 5 reorder 25% 50% delay 10ms",
            Netem(delay=Delay(10 * MS), reorder=Reorder(Chance(0.25, 0.5), 5)),
        ),
        ("delay 1ms reorder 1%", Netem(delay=Delay(MS), reorder=Reorder(Chance(0.01), 1))),
        ("reorder 0%", Netem()),
        ("rate 100kbit", Netem(rate=Rate(100_000))),
        ("rate 1kbps", Netem(rate=Rate(8_000))),
        ("rate 1Kibit", Netem(rate=Rate(1024))),
        ("rate 5kbit 20 100 5", Netem(rate=Rate(5000, 20, 100, 5))),
        ("rate 5kbit -14 -5", Netem(rate=Rate(5000, -14, 0, -5))),
        ("rate 0", Netem()),
        ("limit 1k", Netem(limit=1024)),
        ("limit 8kbit", Netem(limit=1024)),
        ("slot 20ms", Netem(slot=Slot(Delay(20 * MS)))),
        (
            "slot 20ms 30ms packets 10 bytes 64k",
            Netem(slot=Slot(Delay(25 * MS, 5 * MS), 10, 65536)),
        ),
        (
            "slot distribution normal 20ms 5ms p 3",
            Netem(slot=Slot(Delay(20 * MS, 5 * MS, 0.0, named("normal")), 3)),
        ),
        ("seed 7", Netem(seed=7)),
        # abbreviations mean the first keyword that they begin
        ("d 1s", Netem(delay=Delay(S))),
        ("l 5", Netem(limit=5)),
        ("lo 5%", Netem(loss=Chance(0.05))),
        ("du 5%", Netem(duplicate=Chance(0.05))),
        ("c 5%", Netem(corrupt=Chance(0.05))),
        ("ra 8bit", Netem(rate=Rate(8))),
    ],
)
def test_accepted(text: str, said: Netem) -> None:
    assert parse(text) == said


def test_the_example_of_the_documentation() -> None:
    said = parse("delay 20ms 5ms distribution normal loss gemodel 1% 10% 70% 0.1%")
    assert said.delay.distribution.name == "normal"
    assert isinstance(said.loss, GilbertElliott)
    assert said.loss.mean == pytest.approx((1 / 11) * 0.7 + (10 / 11) * 0.001)


@pytest.mark.parametrize(
    ("text", "word", "problem"),
    [
        ("foo", "word 1, 'foo'", "not a keyword"),
        ("LOSS 5%", "word 1, 'LOSS'", "not a keyword"),
        ("help", "word 1, 'help'", "not a keyword"),
        ("delay", "word 2 (the end)", "must follow 'delay'"),
        ("delay 20 ms", "word 3, 'ms'", "not a keyword"),
        ("delay 20min", "word 2, '20min'", "not a time"),
        ("delay 20ns", "word 2, '20ns'", "not a time"),
        ("delay -20ms", "word 2, '-20ms'", "not a time"),
        ("delay inf", "word 2, 'inf'", "not a time"),
        ("delay 275s", "word 2, '275s'", "longer than"),
        ("delay 20ms 5x", "word 3, '5x'", "not a time"),
        ("delay 20ms 5ms 125%", "word 4, '125%'", "above 100%"),
        ("delay 20ms 5ms 25% 3", "word 5, '3'", "not a keyword"),
        ("delay 20ms distribution normal", "word 3, 'distribution'", "needs a delay and a jitter"),
        ("delay 2ms 1ms distribution odd", "word 5, 'odd'", "none of uniform, normal"),
        ("delay 2ms 1ms distribution ./no", "word 5, './no'", "No such file"),
        ("loss -1%", "word 2, '-1%'", "not a percentage, random, state or gemodel"),
        ("loss .5%", "word 2, '.5%'", "not a percentage, random, state or gemodel"),
        ("loss rand 5%", "word 2, 'rand'", "not a percentage, random, state or gemodel"),
        ("loss 101%", "word 2, '101%'", "above 100%"),
        ("loss 5%x", "word 2, '5%x'", "not a percentage"),
        ("loss 1% 2% 3%", "word 4, '3%'", "not a keyword"),
        ("loss 1% loss gemodel 1%", "word 3, 'loss'", "a second loss"),
        ("loss state", "word 3 (the end)", "must follow 'state'"),
        ("loss state 1% 2% 3% 4% 5% 6%", "word 8, '6%'", "not a keyword"),
        ("ecn", "word 1, 'ecn'", "needs a loss"),
        ("corrupt random 5%", "word 2, 'random'", "not a percentage"),
        ("reorder 25%", "word 1, 'reorder'", "needs a delay"),
        ("delay 10ms gap 5", "word 3, 'gap'", "needs a probability"),
        ("gap 1.5", "word 2, '1.5'", "not a whole number"),
        ("rate 1mbit/s", "word 2, '1mbit/s'", "not a rate"),
        ("rate 10%", "word 2, '10%'", "not a rate"),
        ("rate 5kbit 20 100 5 6", "word 6, '6'", "not a keyword"),
        ("limit -1", "word 2, '-1'", "not a size"),
        ("limit 5000000000", "word 2, '5000000000'", "too large"),
        ("slot packets 10", "word 2, 'packets'", "neither a time"),
        ("slot 30ms 20ms", "word 3, '20ms'", "less than the shortest"),
        ("slot 20ms bytes 64k packets 10", "word 5, 'packets'", "not a keyword"),
    ],
)
def test_refused_at_the_word(text: str, word: str, problem: str) -> None:
    with pytest.raises(NetemError) as caught:
        parse(text)
    said = str(caught.value)
    assert said.startswith(f"netem {text!r}: {word}: ")
    assert problem in said
    assert len(said.splitlines()) == 1


def test_distribution_of_a_table_file(tmp_path: Path) -> None:
    path = tmp_path / "rtt.dist"
    path.write_text("# a comment\n-8192 0\n 8192 16384\n")
    delay = parse(f"delay 20ms 5ms distribution {path}").delay
    assert delay.distribution.table == (-1, 0, 1, 2)
    assert delay.mean == 22.5 * MS
    for broken, problem in (
        ("", "has 1 to 16384 numbers, not 0"),
        ("8 x", "'x' is not an integer"),
    ):
        path.write_text(broken)
        with pytest.raises(NetemError, match=problem):
            parse(f"delay 20ms 5ms distribution {path}")


VOCABULARY = """
limit delay loss random state gemodel ecn reorder corrupt gap duplicate distribution normal rate
slot packets bytes seed l d 1% 25% 101% 20ms 5ms 1s -1 0 1000 64k 1mbit 1e400 \u0663%
"""
WORDS = st.sampled_from(VOCABULARY.split())


@given(st.lists(WORDS, max_size=8).map(" ".join) | st.text())
def test_any_text_is_parsed_or_refused_in_one_line(text: str) -> None:
    try:
        said = repr(parse(text))
    except NetemError as error:
        said = str(error)
    assert len(said.splitlines()) == 1
