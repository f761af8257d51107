"""The command line, `customerlink`: for whoever runs a deployment, and never a part of it."""
