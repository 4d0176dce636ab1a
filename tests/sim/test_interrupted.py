"""A signal whose handler raises meets compiled code anywhere, and ends nothing but the run."""

import signal
import subprocess
import sys

import pytest

RUN = """
import random, signal
from sim import Simulation
from sim.applications import arrive, flood, poisson, serve
from sim.net.queues import CoDel
from sim.units import MS, S

class Interrupted(Exception):
    pass

def interrupt(*_):
    raise Interrupted

def build(seed):
    sim = Simulation(seed)
    client, server = sim.add_host("client"), sim.add_host("server")
    attacker = sim.add_host("attacker", at="server", delay=MS)
    codel = {"bitrate": 10_000_000, "queue": lambda _: CoDel()}
    sim.add_link("client", "server", 600 * MS, 0.1, **codel)
    serve(server, 80, backlog=8, accept_rate=500)
    times = poisson(sim.streams.generator("arrivals"), 1000, 20_000)
    arrive(sim, [client], (server.address, 80), times.tolist(), hold=100 * MS)
    rng = sim.streams.generator("flood")
    sim.process(flood(attacker, (server.address, 80), rng, 1000, 20_000, 0))
    return sim

signal.signal(signal.SIGALRM, interrupt)
interrupted = 0
for seed in range(60):
    sim = build(seed)
    signal.setitimer(signal.ITIMER_REAL, random.Random(seed).uniform(0.01, 0.1))
    try:
        sim.run()
    except Interrupted:
        interrupted += 1
    signal.setitimer(signal.ITIMER_REAL, 0)
print(interrupted)
"""


@pytest.mark.skipif(not hasattr(signal, "SIGALRM"), reason="the system has no such signal")
def test_an_interrupted_run_raises_what_the_handler_raised() -> None:
    done = subprocess.run([sys.executable, "-c", RUN], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) > 40
