"""A person that does not exist: roots beside the lead, muscles, recordings, mapping sessions."""

__all__: list[str] = []
