"""connectsim beside other simulators and beside its own floor: `python -m benchmarks.peers`."""
