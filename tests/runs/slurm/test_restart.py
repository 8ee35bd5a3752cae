"""Only a job that SLURM has started again goes on by itself."""

from __future__ import annotations

import pytest
from omegaconf import OmegaConf

from runs.slurm.restart import restarted_config

FIRST = {"resume": None, "force": False}


def test_a_requeued_job_goes_on_with_its_run():
    cfg = restarted_config(OmegaConf.create(FIRST), {"SLURM_RESTART_COUNT": "2"})
    assert cfg == {"resume": "auto", "force": True}


def test_a_first_start_does_not():
    for environment in ({}, {"SLURM_RESTART_COUNT": "0"}):
        assert restarted_config(OmegaConf.create(FIRST), environment) == FIRST


@pytest.mark.parametrize("named", ["outputs/a", "auto"])
def test_what_was_named_stays_and_edited_code_does_not_end_it(named: str):
    cfg = OmegaConf.create({"resume": named, "force": False})
    restarted = restarted_config(cfg, {"SLURM_RESTART_COUNT": "1"})
    assert restarted == {"resume": named, "force": True}
    assert restarted_config(cfg, {}) == cfg
