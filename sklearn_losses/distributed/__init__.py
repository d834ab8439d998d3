"""Rows on the machines of a Dask cluster.

Neither `dask` nor `distributed` is imported before a collection of theirs arrives.
"""
