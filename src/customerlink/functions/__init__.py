"""Where the outside calls in: one file per Lambda function."""

import gc

# Imports make objects that stay: looking for garbage among them costs a cold start 6 ms.
gc.set_threshold(50_000)
