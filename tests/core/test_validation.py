"""Rows, weights and dates as they arrive."""

from datetime import date, timedelta

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from sklearn_losses import LossRegressor
from sklearn_losses.core.validation import check_weights, mean_one, refuse_dates, validated, with_weight


def test_weights_are_scaled_to_a_largest_of_one():
    np.testing.assert_array_equal(check_weights([1, 2, 4], 3), [0.25, 0.5, 1.0])
    np.testing.assert_array_equal(check_weights(np.float32(7), 2), [1.0, 1.0])
    assert check_weights(None, 3) is None
    assert check_weights([True, False], 2).dtype == np.float64


@pytest.mark.parametrize(
    "weight, message",
    [
        ([1.0, 2.0], r"my_weight must have shape \(3,\).*Got \(2,\)"),
        ([[1.0], [2.0], [3.0]], r"must have shape \(3,\)"),
        ([1.0, np.nan, 1.0], "must be finite"),
        ([1.0, np.inf, 1.0], "must be finite"),
        ([1.0, -1e-300, 1.0], "must not be negative"),
        ([0.0, 0.0, 0.0], "above zero"),
        ([1j, 1, 1], "must hold real numbers. Got dtype complex128"),
        (["a", "b", "c"], "must hold real numbers"),
        (np.array(["2020-01-01"] * 3, dtype="datetime64[D]"), "must hold real numbers"),
    ],
)
def test_bad_weights_are_named(weight, message):
    with pytest.raises(ValueError, match=message):
        check_weights(weight, 3, name="my_weight")


def test_weights_of_mean_one():
    np.testing.assert_allclose(mean_one(np.array([1.0, 3.0])), [0.5, 1.5])
    assert mean_one(np.full(4, 0.3)) is None and mean_one(None) is None


@pytest.mark.parametrize(
    "values",
    [
        np.array(["2020-01-01"], dtype="datetime64[D]"),
        np.array([3], dtype="timedelta64[s]"),
        np.array([date(2020, 1, 1)], dtype=object),
        [[timedelta(days=1)]],
        pd.DataFrame({"a": [1.0], "b": pd.to_datetime(["2020-01-01"])}),
        pd.Series(pd.period_range("2020-01-01", periods=2, freq="D")),
    ],
)
def test_dates_are_refused(values):
    with pytest.raises(ValueError, match="X holds dates or time spans"):
        refuse_dates(values, "X")


@pytest.mark.parametrize(
    "values", [np.ones(3), [1, "a", None], pd.DataFrame({"a": [1], "b": ["x"]}), sparse.csr_array(np.eye(2))]
)
def test_what_holds_no_dates_is_left_alone(values):
    assert refuse_dates(values, "X") is None


@pytest.mark.parametrize("dtype, kept", [(np.float32, np.float32), (np.float64, np.float64), (np.int64, np.float64)])
@pytest.mark.parametrize("form", [np.asarray, sparse.csc_array])
def test_rows_keep_single_precision(form, dtype, kept):
    X = validated(LossRegressor(), form(np.eye(3, dtype=dtype)))
    assert X.dtype == kept
    assert not sparse.issparse(X) or X.format == "csr"
    rows, y = validated(LossRegressor(), form(np.eye(3, dtype=dtype)), np.arange(3.0))
    assert rows.shape == (3, 3) and y.shape == (3,)


def test_rows_without_a_weight_are_left_out():
    X, y = sparse.csr_array(np.arange(6.0).reshape(3, 2)), np.arange(3)
    assert with_weight(None, X, y) == (X, y, None)
    positive = np.array([1.0, 0.5, 1.0])
    for given, found in zip((X, y, positive), with_weight(positive, X, y), strict=True):
        assert found is given
    rows, codes, weight = with_weight(np.array([1.0, 0.0, 0.5]), X, y)
    np.testing.assert_array_equal(rows.toarray(), [[0.0, 1.0], [4.0, 5.0]])
    assert codes.tolist() == [0, 2] and weight.tolist() == [1.0, 0.5]


def test_text_in_the_columns_is_to_be_encoded():
    table = pd.DataFrame({"size": [1.0, 2.0, 3.0], "town": ["Bonn", "Ulm", "Ulm"]})
    with pytest.raises(ValueError, match=r"X must have numbers only \(.*'Bonn'\)\. Encode text .* OneHotEncoder"):
        LossRegressor().fit(table, [1.0, 2.0, 3.0])
