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
        """Set which metadata the scorer asks for in cross-validation.

        True asks for metadata of this name, a name asks for those of another name, None and False
        ask for nothing.

        Parameters
        ----------
        **requests : bool, None or str
            The request for each name that the scorer takes, as in scikit-learn.

        Returns
        -------
        self
            The scorer itself.

        Raises
        ------
        TypeError
            For a name that the scorer does not take.
        """
        unknown = set(requests) - set(self.requests)
        if unknown:
            raise TypeError(f"{type(self).__name__} can only request {' and '.join(self.requests)}. Got {sorted(unknown)}.")
        self.requests = self.requests | requests
        return self

    def get_metadata_routing(self) -> Any:
        """Return the requests in the form of scikit-learn.

        Returns
        -------
        MetadataRequest
            What `sklearn.utils.metadata_routing` asks every scorer for.
        """
        request = MetadataRequest(owner=self)
        for name, alias in self.requests.items():
            request.score.add_request(param=name, alias=alias)
        return request
