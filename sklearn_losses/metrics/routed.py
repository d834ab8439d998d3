"""Scorers that get more than X and y by metadata routing."""

from typing import Any, Self

from sklearn.utils.metadata_routing import MetadataRequest

__all__ = ["RoutedScorer"]


class RoutedScorer:
    """What scorers with requests share.

    Parameters
    ----------
    requests : dict of str to bool, None or str
        What the scorer asks for from the beginning.
    """

    def __init__(self, requests: dict[str, bool | None | str]) -> None:
        self.requests = requests

    def set_score_request(self, **requests: bool | None | str) -> Self:
        """Set which metadata the scorer requests.

        True passes them as they are, a name those of that name, None or False nothing.

        Parameters
        ----------
        **requests : bool, None or str
            For each of the names in `requests`, as in scikit-learn.

        Returns
        -------
        self
        """
        unknown = set(requests) - set(self.requests)
        if unknown:
            raise TypeError(f"{type(self).__name__} takes {' and '.join(self.requests)}. Got {sorted(unknown)}.")
        self.requests = self.requests | requests
        return self

    def get_metadata_routing(self) -> Any:
        """The requests, as scikit-learn's object."""
        request = MetadataRequest(owner=self)
        for name, alias in self.requests.items():
            request.score.add_request(param=name, alias=alias)
        return request
