"""Scenarios, one script a file, and what lists, runs and stores them: `connectsim`."""
