"""A missing extra must end with the line that installs it; a broken one must not be hidden."""

import json
import sys
import xml.dom

import pytest

from neuro_common.extras import MissingExtra, require


def test_an_installed_module_is_handed_over():
    assert require("json", "io") is json
    assert require("xml.dom", "io") is xml.dom


def test_a_missing_module_names_the_line_that_installs_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(MissingExtra, match=r'h5py is not.*: run pip install "neuro-common\[io\]"'):
        require("h5py", "io")


def test_a_missing_submodule_blames_the_package_and_the_right_distribution(monkeypatch):
    monkeypatch.setitem(sys.modules, "sb3_nowhere", None)
    with pytest.raises(ModuleNotFoundError, match=r'pip install "rldbs-env\[train\]"') as caught:
        require("sb3_nowhere.ppo", "train", distribution="rldbs-env")
    assert caught.value.name == "sb3_nowhere"


def test_a_module_that_is_there_but_lacks_its_own_parts_is_not_called_missing(
    tmp_path, monkeypatch
):
    (tmp_path / "half_installed.py").write_text("import part_that_is_nowhere\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ModuleNotFoundError, match="part_that_is_nowhere") as caught:
        require("half_installed", "io")
    assert not isinstance(caught.value, MissingExtra)
