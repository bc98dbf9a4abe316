"""The sixteen goals: what is asked, in which units, with which loss, and how answers are scored."""

__all__: list[str] = []
