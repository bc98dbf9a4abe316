"""What a trained network does: gait, lesions, rhythm, and the effect of its wiring."""

__all__: list[str] = []
