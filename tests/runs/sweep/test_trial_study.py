"""A sweep's study on disk, and what is searched."""

from __future__ import annotations

from pathlib import Path

import pytest
from hydra.core.override_parser.overrides_parser import OverridesParser
from optuna.distributions import (
    BaseDistribution,
    CategoricalDistribution,
    FloatDistribution,
    IntDistribution,
)
from optuna.samplers import RandomSampler
from optuna.trial import TrialState

from callbacks.trial_journal import PRUNED, open_study
from runs.sweep.search_space import SearchSpace, read_search_space
from runs.sweep.trial_study import TrialStudy


def space_of(*words: str, **params: str) -> SearchSpace:
    return read_search_space(params, words, OverridesParser.create())


def study_of(file: Path, *words: str) -> TrialStudy:
    return TrialStudy(file, space_of(*words), RandomSampler)


@pytest.mark.parametrize(
    ("word", "distribution"),
    [
        ("x=interval(0,1)", FloatDistribution(0, 1)),
        ("x=interval(1e-4,1)", FloatDistribution(1e-4, 1)),
        ("x=tag(log,interval(1e-4,1))", FloatDistribution(1e-4, 1, log=True)),
        ("x=int(interval(1,9))", IntDistribution(1, 9)),
        ("x=range(1,8,2)", IntDistribution(1, 7, step=2)),
        ("x=range(0.5,2,0.5)", FloatDistribution(0.5, 1.5, step=0.5)),
        ("x=a,b", CategoricalDistribution(["a", "b"])),
        ("x=choice(1,a)", CategoricalDistribution(["1", "a"])),
        ("x=[1,2],[3]", CategoricalDistribution(["[1,2]", "[3]"])),
    ],
)
def test_sweeps_in_hydras_grammar_are_distributions(
    word: str, distribution: BaseDistribution
) -> None:
    assert space_of(word).distributions == {"x": distribution}


def test_words_of_the_command_line_replace_those_of_the_space() -> None:
    space = space_of("lr=0.5", "~gone", "+new='a b'", "kind=c,d", lr="interval(0,1)", kind="a,b")
    assert space.distributions == {"kind": CategoricalDistribution(["c", "d"])}
    assert space.overrides({"kind": "d"}) == ["lr=0.5", "~gone", "+new='a b'", "kind=d"]


@pytest.mark.parametrize("word", ["x=interval(2,1)", "x=range(3,3)", "x=tag(log,interval(0,1))"])
def test_a_range_that_cannot_be_searched_is_named(word: str) -> None:
    with pytest.raises(ValueError, match=r"x=.*not a range that can be searched"):
        space_of(word)


def test_trials_end_as_they_did(tmp_path: Path) -> None:
    file = tmp_path / "new" / "study.journal"
    study = study_of(file, "x=interval(0,1)")
    for value in (0.5, None, float("nan"), "much", 0.25):
        number = study.ask().number
        if value == 0.25:
            open_study(file)._storage.set_trial_user_attr(number, PRUNED, 3)
        study.tell(number, value)
    states = [trial.state for trial in study.trials]
    assert states == [TrialState.COMPLETE, *[TrialState.FAIL] * 3, TrialState.PRUNED]
    assert study.unfinished() == []


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("lr=interval(1e-4,1)", "kind=a,b"), "only here: lr in"),
        (("lr=interval(0,1)", "kind=a,b", "epochs=1"), "only here: epochs=1"),
        (("lr=interval(0,1)",), "only there: kind in"),
    ],
)
def test_the_storage_of_another_study_is_refused(
    tmp_path: Path, words: tuple[str, ...], told: str
) -> None:
    file = tmp_path / "study.journal"
    study_of(file, "lr=interval(0,1)", "kind=a,b").ask()
    with pytest.raises(ValueError, match=r"study\.journal: belongs to another sweep") as caught:
        study_of(file, *words)
    assert told in str(caught.value)
    assert len(study_of(file, "kind=a,b", "lr=interval(0,1)", "force=true").trials) == 1


def test_a_study_that_others_began_is_refused(tmp_path: Path) -> None:
    open_study(tmp_path / "study.journal", new=True).ask()
    with pytest.raises(ValueError, match="did not begin"):
        study_of(tmp_path / "study.journal", "x=1,2")


@pytest.mark.parametrize("content", [b"hello\nworld\n", b"\x00\xff\n", b'{"a": 1}\n', b"[]\n"])
def test_a_file_that_is_no_journal_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "study.journal").write_bytes(content)
    with pytest.raises(ValueError, match=r"study\.journal: not the journal of a sweep"):
        study_of(tmp_path / "study.journal", "x=1,2")
