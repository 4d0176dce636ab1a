"""The protocol, without I/O: no clock, no random source and no SimPy in here.

`states` has the table of transitions, `connection` the control block, `arrives` what a segment does
to it, `listener` the passive open, `stack` the TCP of one host, `profiles` the operating systems.
"""
