"""Configuration of the toy's verb."""
