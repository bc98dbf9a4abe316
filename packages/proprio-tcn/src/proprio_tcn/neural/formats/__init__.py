"""Recordings from the files that laboratories have: NWB, TrialData in MATLAB files, npz."""

__all__: list[str] = []
