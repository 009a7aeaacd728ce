"""Measure Carboy and what else people use, side by side. Not shipped: `bin/bench` runs it."""
