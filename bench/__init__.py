"""Measure a drain by the real daemon beside other ways of sending: `python -m bench`."""
