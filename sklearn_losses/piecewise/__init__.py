"""Exact minima of losses with kinks: terms, screening, active sets and the duality gap."""
