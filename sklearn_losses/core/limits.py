"""The sizes up to which matrices are formed, wherever several methods must agree on them."""

from typing import NamedTuple

__all__ = ["MAPPED_BYTES", "SIZES", "WORK", "Sizes", "Work"]


class Sizes(NamedTuple):
    """Sizes of problems up to which a direct method is taken.

    Attributes
    ----------
    matrix : int
        Parameters up to which one matrix of them per iteration is cheap: ``solver="auto"`` takes a
        method that forms it, the exact methods end on an optimum whose rows on a kink can be told,
        and a fit without a penalty is looked at for a direction along which its loss falls for
        ever.
    system : int
        Unknowns of one dense system of equations, whose factorisation takes about a second.
    kinks_of_weights : int
        Weights whose absolute values are treated like any other kink.
    quick_work : float
        Multiplications that cost next to nothing: a Hessian to look at the end of a fit, or of
        sparse rows made dense.
    rotation : float
        Entries of dense rows times their columns, or times their rows where these are fewer, up to
        which their singular vectors cost little.
    """

    matrix: int = 1000
    system: int = 3000
    kinks_of_weights: int = 200
    quick_work: float = 1e8
    rotation: float = 5e9


SIZES = Sizes()


class Work(NamedTuple):
    """What a multiplication costs, in units of one inside a product of two large matrices.

    Attributes
    ----------
    thin : float
        In a product of dense rows with few vectors, which waits for the memory.
    sparse : float
        In one of sparse rows.
    read, sparse_read : float
        What an entry of dense or of sparse rows costs in a product, whatever the number of vectors,
    output, sparse_output : float
        and for each of the vectors.
    products : float
        Products with the Hessian that one Newton direction takes, about.
    pairs : float
        A pair of stored entries in a product of two sparse matrices.
    """

    thin: float = 4.0
    sparse: float = 20.0
    read: float = 10.0
    sparse_read: float = 20.0
    output: float = 2.0
    sparse_output: float = 8.0
    products: float = 20.0
    pairs: float = 200.0


WORK = Work()

MAPPED_BYTES = 2**30  # of a memory map from which on a fit reads it in blocks, as a source
