"""Where the outside calls in: one file per Lambda function."""
