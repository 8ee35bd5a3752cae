from pathlib import Path

import pytest

import runs
from runs.config.targets import check_arguments, check_trusted, locate, target_nodes


def test_target_nodes_are_found_at_any_depth():
    config = {"a": {"_target_": "x.Y", "b": [{"_target_": "z.W"}]}, "c": 1}
    assert [(key, node["_target_"]) for key, node in target_nodes(config)] == [
        ("a", "x.Y"),
        ("a.b.0", "z.W"),
    ]


def test_locate_finds_nested_attributes():
    assert locate("collections.abc.Mapping.get", "k") is not None


@pytest.mark.parametrize(
    ("target", "message"),
    [
        ("torch.optim.SDG", "did you mean 'SGD'"),
        ("no_such_package.Thing", "no module named 'no_such_package'"),
    ],
)
def test_a_misspelt_target_names_key_and_nearest(target: str, message: str):
    with pytest.raises(ValueError, match=message) as caught:
        locate(target, "model.optimizer")
    assert "model.optimizer._target_" in str(caught.value)


def test_a_broken_import_inside_a_target_is_not_called_missing(tmp_path: Path, monkeypatch):
    (tmp_path / "half_installed.py").write_text("import a_package_that_is_not_there\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ModuleNotFoundError, match="a_package_that_is_not_there"):
        locate("half_installed.Thing", "model")


def test_an_unknown_keyword_names_the_nearest():
    config = {"optimizer": {"_target_": "torch.optim.SGD", "_partial_": True, "momentun": 0.9}}
    with pytest.raises(ValueError, match="did you mean 'momentum'") as caught:
        check_arguments(config)
    assert "optimizer.momentun" in str(caught.value)


def test_known_keywords_pass():
    check_arguments({"_target_": "torch.optim.SGD", "_partial_": True, "lr": 0.1})


@pytest.mark.parametrize(
    "target",
    [
        "torch.optim.AdamW",
        "torch.optim.lr_scheduler.StepLR",
        "lightning.pytorch.loggers.CSVLogger",
        "lightning.pytorch.callbacks.EarlyStopping",
        "callbacks.evaluation.DetectionEvaluation",
        "prepare.drawn_facades.draw_facades_under",
        "optuna.pruners.HyperbandPruner",
    ],
)
def test_what_a_run_may_name_is_trusted(target: str):
    check_trusted({"node": {"_target_": target}}, Path("config.yaml"))


@pytest.mark.parametrize(
    "target",
    [
        "os.system",
        "subprocess.Popen",
        "builtins.eval",
        "torch.load",
        "pathlib.Path",
        "optuna.load_study",
    ],
)
def test_anything_else_is_refused_with_file_and_key(target: str):
    config = {"model": {"inner": {"_target_": target}}}
    with pytest.raises(ValueError, match="no installed detector") as caught:
        check_trusted(config, Path("somebodys/config.yaml"))
    assert "somebodys/config.yaml" in str(caught.value)
    assert "model.inner" in str(caught.value)


def test_a_module_that_lies_in_the_working_directory_is_not_even_imported(
    tmp_path: Path, monkeypatch
):
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))
    with pytest.raises(ValueError, match=r"evil\.Detector"):
        check_trusted({"model": {"_target_": "evil.Detector"}}, Path("config.yaml"))


@pytest.mark.parametrize("target", ["runs.theirs.evil.Detector", "their_run.evil.Detector"])
def test_a_run_unpacked_beside_our_packages_is_not_imported(
    tmp_path: Path, monkeypatch, target: str
):
    package = tmp_path.joinpath(*target.split(".")[:-2])
    package.mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "evil.py").write_text("raise SystemExit('imported')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr("runs.__path__", [str(tmp_path / "runs"), *runs.__path__])
    with pytest.raises(ValueError, match=target):
        check_trusted({"model": {"_target_": target}}, Path("config.yaml"))


@pytest.mark.parametrize(
    ("key", "target"),
    [
        ("model", "torch.optim.AdamW"),
        ("model", "prepare.drawn_facades.draw_facades_under"),
        ("datamodule", "lightning.pytorch.Trainer"),
    ],
)
def test_model_and_datamodule_must_be_of_their_kind(key: str, target: str):
    with pytest.raises(ValueError, match=rf"config\.yaml: {key}\._target_ is '{target}'.*subclass"):
        check_trusted({key: {"_target_": target}}, Path("config.yaml"))
