"""Rows that do not fit into memory: sources, which give them block by block as often as asked."""

from sklearn_losses.blocks.ahead import read_ahead
from sklearn_losses.blocks.arrays import ArrayBlocks
from sklearn_losses.blocks.npy import NpyBlocks
from sklearn_losses.blocks.parquet import ParquetBlocks
from sklearn_losses.blocks.predictions import predict_to_file
from sklearn_losses.blocks.rows import RowBlock, RowSource, checked_blocks, checked_rows, is_row_source, place_of

__all__ = [
    "ArrayBlocks",
    "NpyBlocks",
    "ParquetBlocks",
    "RowBlock",
    "RowSource",
    "checked_blocks",
    "checked_rows",
    "is_row_source",
    "place_of",
    "predict_to_file",
    "read_ahead",
]
