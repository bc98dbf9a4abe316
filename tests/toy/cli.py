"""The command."""

import sys

from neuro_common.cli import Verb, main

VERB = Verb("train", "train a toy", "toy train", "toy.work:train", "toy.config:Train")

if __name__ == "__main__":
    sys.exit(main("toy", [VERB]))
