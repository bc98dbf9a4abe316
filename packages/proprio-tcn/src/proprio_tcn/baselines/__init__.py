"""What a network has to beat: ridge on single bins, PCA, classifiers, and its own first weights."""

__all__: list[str] = []
