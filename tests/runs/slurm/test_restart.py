"""Only a job that SLURM has started again goes on by itself."""

from __future__ import annotations

from omegaconf import OmegaConf

from runs.slurm.restart import restarted_config

FIRST = {"resume": None, "force": False}


def test_a_requeued_job_goes_on_with_its_run():
    cfg = restarted_config(OmegaConf.create(FIRST), {"SLURM_RESTART_COUNT": "2"})
    assert cfg == {"resume": "auto", "force": True}


def test_a_first_start_does_not():
    for environment in ({}, {"SLURM_RESTART_COUNT": "0"}):
        assert restarted_config(OmegaConf.create(FIRST), environment) == FIRST


def test_a_folder_that_was_named_stays():
    named = {"resume": "outputs/a", "force": False}
    assert restarted_config(OmegaConf.create(named), {"SLURM_RESTART_COUNT": "1"}) == named
