from __future__ import annotations

from scipy import stats

from sim.tcp.isn import address_key, initial_sequence_number, mix
from sim.units import MS, S

KEY = address_key(1, "10.0.0.1", "10.0.0.2")
MASK = 0xFFFF_FFFF


def test_a_later_incarnation_begins_later() -> None:
    """RFC 6528 section 3: M ticks every 64 ns here, as in Linux, so that it wraps after 274 s."""
    first = initial_sequence_number(KEY, 40000, 80, 7 * S)
    for later, ticks in ((64, 1), (MS, 15_625), (S, 15_625_000), (100 * S, 1_562_500_000)):
        again = initial_sequence_number(KEY, 40000, 80, 7 * S + later)
        assert again - first & MASK == ticks
    assert initial_sequence_number(KEY, 40000, 80, 7 * S + (64 << 32)) == first


def test_it_depends_on_each_of_the_four_and_on_the_secret() -> None:
    keys = [
        address_key(secret, src, dst)
        for secret in (1, 2)
        for src, dst in (("10.0.0.1", "10.0.0.2"), ("10.0.0.2", "10.0.0.1"), ("10.0.0.1", "::2"))
    ]
    numbers = {
        initial_sequence_number(key, sport, dport, 0)
        for key in keys
        for sport in (80, 81, 40000)
        for dport in (80, 81, 40000)
    }
    assert len(numbers) == len(keys) * 9


def test_numbers_of_many_ports_are_spread_evenly() -> None:
    """Of 28,232 ports in a row: Kolmogorov-Smirnov at 0.1 %."""
    numbers = [initial_sequence_number(KEY, port, 80, 0) for port in range(32768, 61000)]
    assert len(set(numbers)) == len(numbers)
    assert stats.kstest([number / MASK for number in numbers], "uniform").pvalue > 0.001


def test_mix_gives_32_bits() -> None:
    assert {mix(KEY, number) >> 32 for number in range(1000)} == {0}
    assert len({mix(KEY, number) for number in range(1000)}) == 1000
