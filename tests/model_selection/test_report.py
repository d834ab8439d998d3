"""Results in text of at most 80 characters, and in HTML for notebooks."""

from html.parser import HTMLParser

import numpy as np
import pytest

from sklearn_losses import LossRegressor, compare_losses
from sklearn_losses.losses import Huber, Quantile
from sklearn_losses.model_selection import LossSuggestions, NoiseCurve, Suggestion
from sklearn_losses.model_selection.report import Bold, section, table, text_table, wrapped

rng = np.random.default_rng(0)
X = rng.normal(size=(150, 3))
Y = X @ [1.0, 2.0, 3.0] + rng.normal(size=150)


class Reader(HTMLParser):
    """Tables of a page as lists of rows, its text, and whether all tags are closed."""

    def __init__(self, page):
        super().__init__()
        self.open, self.tables, self.text = [], [], ""
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        if tag != "br":
            self.open.append(tag)
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" in self.open:
            return
        self.text += f"{data} "
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data


@pytest.fixture(scope="module")
def comparison():
    losses = {"mse": "mse", "<b>wide</b>": Huber(delta=3), "high": Quantile(0.95), "hinge": "hinge"}
    return compare_losses(LossRegressor(), X, Y, losses, scoring=["r2", "neg_mean_absolute_error"], refit=False)


def test_long_names_are_shortened_in_text_and_wrapped_in_html():
    [_, line] = text_table(["loss", "a name " * 20 + "of a loss"], [[["r2", "0.5"]]])
    assert line.startswith("a name a name a n...") and line.endswith("of a loss  0.5") and len(line) <= 45
    assert "max-width" in section(table(["loss"], [["a name"]], []))


def test_lines_are_at_most_80_characters(comparison):
    curve = NoiseCurve(np.arange(20) / 40, {"a loss with a long name": np.ones((20, 2)), "mae": np.zeros((20, 2))}, "r2")
    sentence = " ".join(["words"] * 40)
    suggestions = LossSuggestions(
        {"description": sentence}, [Suggestion("mae", "mae", 1.0, [sentence], [sentence])], [sentence]
    )
    for result in (comparison, curve, suggestions):
        assert max(map(len, repr(result).splitlines())) <= 80
    assert repr(suggestions).count("words") == 4 * 40 and repr(curve).count("1.000") == 20


def test_columns_that_do_not_fit_follow_below():
    first, group = ["loss", "a", "bc"], [["x" * 30, "1", "22"], ["y", "3", "4"]]
    lines = text_table(first, [group, group, group])
    assert lines[4:] == text_table(first, [group]) and lines[3] == "" and len(lines) == 7
    assert lines[2] == "bc    " + "22".rjust(30) + "  4  " + "22".rjust(30) + "  4"
    assert text_table(first, [[["z", "1", "2"]], [["u", "3", "4"]]]) == ["loss  z  u", "a     1  3", "bc    2  4"]


def test_sentences_hang():
    lines = wrapped("word " * 30, "   ").splitlines()
    assert lines[0].startswith("   word") and lines[1].startswith("     word") and len(lines) == 2


def test_the_page_of_a_comparison(comparison):
    page = Reader(comparison._repr_html_())
    assert page.open == []
    by_r2, by_error, fits = page.tables
    assert by_r2[0] == ["loss", "test score", "training", "compared with the best"]
    labels = [label for label in comparison.losses_ if label != "hinge"]
    for metric, rows in (("r2", by_r2), ("neg_mean_absolute_error", by_error)):
        assert [row[0] for row in rows[1:]] == labels
        means = comparison.test_scores_[metric].mean(axis=1)
        for row, mean, p_value in zip(rows[1:], means, comparison.p_values_[metric], strict=False):
            assert float(row[1].split(" ± ")[0]) == pytest.approx(mean, rel=0.01)
            expected = "best" if mean == np.nanmax(means) else "significantly worse" if p_value < 0.05 else "not significantly"
            assert row[3].startswith(expected)
    assert fits[0] == ["loss", "seconds", "iterations", "converged"] and [row[0] for row in fits[1:]] == labels
    for sentence in comparison.sentences():
        assert sentence in page.text
    assert "level 0.05" in page.text


def test_one_fold_has_no_test():
    split = [(np.arange(100), np.arange(100, 150))]
    single = compare_losses(LossRegressor(), X, Y, ["mse", "mae"], cv=split, scoring="r2", refit=False)
    [scores, _] = Reader(single._repr_html_()).tables
    assert [row[3] for row in scores[1:]] == ["best", "no test"]


def test_the_page_of_suggestions():
    said = ["First & foremost.", "Second."]
    suggestions = LossSuggestions(
        {"description": "9 rows."},
        [Suggestion("huber", Huber(delta=2), 2.0, said, ["A", "B"]), Suggestion("mae", "mae", 1.0, said[:1], ["A"])],
        ["A remark <i>here</i>."],
    )
    page = Reader(suggestions._repr_html_())
    assert page.open == [] and page.text.count("First & foremost.") == 1
    words = ["9 rows.", "Huber(delta=2)", "First & foremost.", "[A]", "Second.", "[B]", "mae", "As under 1.", "<i>here</i>"]
    places = [page.text.index(word) for word in words]
    assert places == sorted(places)
    assert "compare_losses(estimator, X, y, suggestions.losses)" in page.text


def test_the_page_of_a_noise_curve():
    curve = NoiseCurve(np.array([0.0, 0.1, 0.4]), {"mse": np.array([[3.0], [1.0], [0.0]]), "mae": np.full((3, 1), 2.0)}, "r2")
    page = Reader(curve._repr_html_())
    assert page.tables == [
        [["loss", "0%", "10%", "40%"], ["mse", "3.000", "1.000", "0.000"], ["mae", "2.000", "2.000", "2.000"]]
    ]
    assert "Highest mean: mse at 0%; mae at 10%, 40%." in page.text and page.text.count("Highest") == 1
    assert "Highest mean: mse at 0%; mae at 10%, 40%." in repr(curve)


def test_a_page_needs_nothing_from_elsewhere_and_no_colour_of_its_own():
    page = section(table(["a", "b"], [[Bold("x"), "1"], ["y", "2"]], [1]))
    assert "http" not in page and "url(" not in page and "@import" not in page
    assert 'class="best"' in page and page.count('class="number"') == 3
    assert "#" not in page and "white" not in page.replace("white-space", "")
