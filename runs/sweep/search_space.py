"""What a sweep searches: words of the command line as Optuna's distributions, and back again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)


class SearchSpace(NamedTuple):
    """What is searched, and what is the same in every trial.

    Attributes:
        distributions: key of an override, such as `model.optimizer.lr` or `+seed` -> where its
            values come from. Choices are the words that stand behind the `=`.
        fixed: overrides of every trial, such as `trainer.max_epochs=3`.
    """

    distributions: Mapping[str, BaseDistribution]
    fixed: Sequence[str]

    def overrides(self, values: Mapping[str, Any]) -> list[str]:
        """The command line of a trial.

        Args:
            values: key -> value, one for each of `distributions`.
        """
        return [*self.fixed, *(f"{key}={values[key]}" for key in self.distributions)]

    def first(self) -> dict[str, Any]:
        """The first choices and lowest values, to try whether such a command line composes."""
        return {
            key: distribution.choices[0]
            if isinstance(distribution, CategoricalDistribution)
            else distribution.low  # type: ignore[attr-defined]
            for key, distribution in self.distributions.items()
        }


def read_search_space(
    params: Mapping[str, Any], words: Sequence[str], parser: OverridesParser
) -> SearchSpace:
    """Read sweeps in Hydra's own grammar.

    `a,b` and `choice(a,b)` are categories, `range(1,9,2)` whole numbers or steps, `interval(0,1)`
    real numbers and `int(interval(1,9))` whole ones; `tag(log,…)` makes a scale logarithmic.

    Args:
        params: key -> sweep, as `conf/sweep/` has them.
        words: of the command line, which replace those of `params` for the same key.
        parser: of overrides, which knows the choices of groups.

    Raises:
        ValueError: if nothing is searched, or a sweep is empty or upside down.
    """
    parsed = parser.parse_overrides([f"{key}={value}" for key, value in params.items()])
    parsed += parser.parse_overrides(list(words))
    last = {override.key_or_group.lstrip("+"): override for override in parsed}
    swept = [override for override in last.values() if override.is_sweep_override()]
    if not swept:
        raise ValueError(
            "hydra/sweeper=optuna: nothing to search; name a search space (sweep=ssd300) or "
            "values, as in 'model.optimizer.lr=tag(log,interval(1e-4,1e-2))'"
        )
    return SearchSpace(
        {override.get_key_element(): _distribution(override) for override in swept},
        [_word(override) for override in last.values() if not override.is_sweep_override()],
    )


def _word(override: Override) -> str:
    key = override.get_key_element()
    if override.is_delete() and override.value() is None:
        return key
    return f"{key}={override.get_value_element_as_str()}"


def _distribution(override: Override) -> BaseDistribution:
    sweep = override.value()
    try:
        if isinstance(sweep, IntervalSweep):
            return _numbers(sweep.start, sweep.end, None, "log" in sweep.tags)
        if isinstance(sweep, RangeSweep) and not sweep.shuffle:
            values = list(sweep.range())
            return _numbers(values[0], values[-1], sweep.step, "log" in sweep.tags)
        return CategoricalDistribution(list(override.sweep_string_iterator()))
    except (ValueError, IndexError) as error:
        raise ValueError(f"{override.input_line}: not a range that can be searched: {error}") from (
            error
        )


def _numbers(low: Any, high: Any, step: Any, log: bool) -> BaseDistribution:
    whole = all(isinstance(value, int) for value in (low, high, step or 1))
    if whole:
        return IntDistribution(low, high, log=log, step=1 if log or step is None else step)
    return FloatDistribution(low, high, log=log, step=None if log else step)
