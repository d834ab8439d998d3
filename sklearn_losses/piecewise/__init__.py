"""The exact minimum of losses with kinks: their pieces, smoothed forms, interior points, active sets and duality gap."""
