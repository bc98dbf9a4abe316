"""Recorded movements: marker and joint-angle files to muscle kinematics."""

__all__: list[str] = []
