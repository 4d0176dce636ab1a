"""Measurements of connectsim's speed, against itself over time and against its peers."""
