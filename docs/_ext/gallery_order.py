"""The order of the examples in the gallery: from the first steps to what few people need."""

from pathlib import Path

ORDER = (
    "compare_losses_diabetes",
    "choosing_a_loss",
    "robust_regression",
    "outliers_and_leverage",
    "robust_lasso",
    "quantile_coverage",
    "count_regression",
    "image_classification_digits",
    "class_imbalance",
    "costs_of_decisions",
    "label_noise_digits",
    "learning_to_rank",
    "elastic_net_path",
    "grid_search_losses",
    "solver_convergence",
    "large_data_files",
    "custom_loss",
    "custom_solver",
    "language_model",
)


class GalleryOrder:
    """The key that sorts the files of a folder; an example that is not in `ORDER` is an error."""

    def __init__(self, folder):
        self.folder = folder

    def __call__(self, filename):
        """The place of an example."""
        return ORDER.index(Path(filename).stem)

    def __repr__(self):
        # Sphinx compares it with that of the last build.
        return f"{type(self).__name__}{ORDER}"
