"""The exact minimum of losses with kinks: their terms, smoothed forms, interior points, active sets
and duality gap.
"""
