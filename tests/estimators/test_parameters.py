"""The estimators have the same parameters, which mean the same."""

import inspect

import pytest

from sklearn_losses import LossClassifier, LossRanker, LossRegressor, MultiQuantileRegressor

ESTIMATORS = [LossRegressor, LossClassifier, LossRanker]
OWN = {"loss", "class_weight"}  # what differs between them


def parameters(estimator):
    return inspect.signature(estimator.__init__).parameters


@pytest.mark.parametrize("estimator", ESTIMATORS[1:])
def test_the_same_parameters_with_the_same_defaults(estimator):
    known, own = parameters(LossRegressor), parameters(estimator)
    assert set(own) - set(known) <= OWN and set(known) <= set(own)
    for name in set(known) - OWN:
        assert own[name].default == known[name].default, name
        assert own[name].kind == known[name].kind, name


@pytest.mark.parametrize("estimator", [*ESTIMATORS, MultiQuantileRegressor])
def test_every_parameter_is_documented_with_its_default(estimator):
    text = inspect.getdoc(estimator)
    for name, parameter in list(parameters(estimator).items())[1:]:
        default = repr(parameter.default).replace("'", '"').replace("e-06", "e-6")
        assert f"\n{name} : " in text, name
        line = text.partition(f"\n{name} : ")[2].split("\n")[0]
        assert line.endswith(f"default={default}"), line


@pytest.mark.parametrize("estimator", ESTIMATORS)
def test_set_parameters_are_those_of_the_constructor(estimator):
    given = {name: parameter.default for name, parameter in list(parameters(estimator).items())[1:]}
    assert estimator().get_params(deep=False) == given
