"""Sweeps: one scenario at many points of its parameters, several times each, and none lost.

`axes` and `where` say at which points, `plan` makes runs of them, `worker` executes one run
anywhere, `executors` are where, `folder` keeps what came of them, and `driver` joins these.
"""
