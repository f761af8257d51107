"""Where the outside calls in: one file per Lambda function."""

import gc

# What is imported stays. By default it is looked through for garbage some forty times meanwhile,
# which is 3 ms of a cold start; and what a call leaves behind goes by itself, but for few cycles.
gc.set_threshold(50_000)
