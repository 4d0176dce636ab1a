"""What a profile says a simulation's events were."""

from functools import partial

from sim import Simulation
from sim.applications import arrive, serve
from sim.profiling import Profile, ProfiledEngine
from sim.units import MS, S


def run(sim: Simulation) -> Simulation:
    client, server = sim.add_host("client"), sim.add_host("server")
    sim.add_router("router")
    sim.add_link("client", "router", delay=10 * MS, loss=0.1)
    sim.add_link("router", "server", delay=10 * MS)
    serve(server, 80, backlog=10)
    times = [number * 10 * MS for number in range(50)]
    arrive(sim, [client], (server.address, 80), times, hold=S)
    sim.run()
    return sim


def test_every_event_is_counted_once_and_nothing_changes() -> None:
    profile = Profile()
    profiled = run(Simulation(seed=1, make_engine=partial(ProfiledEngine, profile)))
    plain = run(Simulation(seed=1))
    assert sum(profile.events.values()) == profiled.env.events == plain.env.events
    ours, theirs = profiled.records.columns(), plain.records.columns()
    assert all(map(lambda a, b: repr(a) == repr(b), ours.values(), theirs.values()))


def test_events_are_told_by_kind_and_by_who_takes_them() -> None:
    profile = Profile()
    sim = run(Simulation(seed=1, make_engine=partial(ProfiledEngine, profile)))
    counted = {(kind, module): count for (kind, module), count in profile.events.items()}
    counters = sim.hosts["client"].tcp.counters
    sent = counters["TcpActiveOpens"] + counters["TcpExtTCPSynRetrans"]
    lost_first = sent - counted["SYN", "sim.net.node"]
    assert 0 < lost_first < 20
    assert counted["SYN", "sim.host"] == counted["SYN", "sim.net.node"]
    assert counted["timer", "sim.tcp.connection"] >= lost_first
    for kind in ("connect", "Holder", "close"):
        assert counted[kind, "sim.bulk"] == 50


def test_the_tables_add_up() -> None:
    profile = Profile()
    sim = run(Simulation(seed=1, make_engine=partial(ProfiledEngine, profile)))
    for table in str(profile).split("\n\n"):
        rows = [line.split() for line in table.splitlines()[1:]]
        assert sum(int(row[-5].replace(",", "")) for row in rows) == sim.env.events
