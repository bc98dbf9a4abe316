"""Recurrent models where `device` says, and what is refused before anything is read or learnt."""

from pathlib import Path

import pytest

from spinal_rnn.models.recurrent import RecurrentModel

TOLD = 'device must be "cpu", or "cuda" where torch finds a graphics card, got '


@pytest.mark.parametrize("device", ["gpu", "cuda:99", "meta"])
def test_a_device_that_is_not_there_is_refused(device: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"{TOLD}'{device}'"):
        RecurrentModel(device=device)
    # and not told of as a damaged file
    with pytest.raises(ValueError, match=f"{TOLD}'{device}'"):
        RecurrentModel.load(tmp_path, device=device)
