"""What muscle spindles report of lengths and velocities, as rates and as spikes."""

__all__: list[str] = []
