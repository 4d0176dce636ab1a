"""RFC 9293 to the letter, with exact timers: the profile to compare the others with.

RFC 6298's initial RTO of one second and its doubling, MUST-23's three minutes for a SYN, MUST-13's
two minutes for the MSL, 3.9.2.2's soft errors, and the answers of 3.10.7.
"""

from __future__ import annotations

from sim.tcp.errors import hard_errno
from sim.tcp.profile import Profile
from sim.tcp.profiles.linux import linux_layout
from sim.tcp.timers import Backoff, Wheel
from sim.units import MS, S

RFC9293 = Profile(
    name="rfc9293",
    description="RFC 9293 and RFC 6298 to the letter, with exact timers and R2 of three minutes",
    syn=Backoff(1 * S, retries=64, deadline=180 * S),
    synack=Backoff(1 * S, retries=7),
    wheel=Wheel(0),
    layout=linux_layout,
    port_step=1,
    local_ports=(49152, 65535),
    msl=120 * S,
    rto_min=1 * S,
    rto_min_is_variance=False,
    delayed_ack=500 * MS,
    acks_fin_at_once=True,
    answers_unsent_ack=True,
    refuses_in_syn_received=True,
    connect_errors=hard_errno,
    tw_reuse=0,
)
