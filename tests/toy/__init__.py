"""What `test_sweeps` sweeps over: copied to a folder of its own, a package with one verb."""
