"""What each part of the package may ask of the others."""

from typing import Any, Protocol, TypeAlias

__all__ = ["RowMatrix", "Rows"]

Rows: TypeAlias = Any  # what a fit is given, after validation: an ndarray or one of SciPy's CSR matrices, (n, p)


class Transposed(Protocol):
    """The transpose of a `RowMatrix`."""

    def dot(self, other: Any, /) -> Any:
        """The product with a vector (n,) or a matrix (n, k)."""


class RowMatrix(Protocol):
    """Rows as losses and models see them: all that they may ask of an X.

    An ndarray is one, and so are SciPy's sparse matrices and `sparse_rows.SparseRows`.
    """

    @property
    def shape(self) -> tuple[int, ...]: ...

    @property
    def dtype(self) -> Any: ...

    @property
    def T(self) -> Any:
        """The transpose, a `Transposed`."""

    def __matmul__(self, other: Any, /) -> Any:
        """The product with a vector (p,) or a matrix (p, k)."""
