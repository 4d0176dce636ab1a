import gc

import pytest

from sim import Simulation
from sim.collector import AtRest


def test_the_collector_rests_and_goes_on() -> None:
    with AtRest():
        assert not gc.isenabled()
        Simulation().run()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_it_goes_on_after_an_error() -> None:
    with pytest.raises(ValueError, match="broken"), AtRest():
        raise ValueError("broken")
    assert gc.isenabled()


def test_one_that_rested_before_rests_on() -> None:
    with AtRest():
        with AtRest():
            pass
        assert not gc.isenabled()
