"""The flood pipeline: today's mean flow of a river from its rainfall. README.md tells the whole of it."""

import os

# One thread, set before numpy is loaded: sums have the same order whatever the number of cores, so that a
# training gives the same model again; and small matrices are no work for several.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
