"""What the kernel did, what the simulation does and what theory says, experiment by experiment.

`python -m benchmarks.validation` writes `docs/validation.md` and its plots anew, and fails if a
difference is beyond its tolerance.
"""
