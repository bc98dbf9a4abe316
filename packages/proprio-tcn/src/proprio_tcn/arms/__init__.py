"""Arms: joint angles in, hand, elbow, muscle lengths and moment arms out."""

__all__: list[str] = []
