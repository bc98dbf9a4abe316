"""Settings of the training algorithms, one file each."""
