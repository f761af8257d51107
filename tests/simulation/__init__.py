"""The real pipeline, ledger and adapters over a simulated outside, one seed a history."""
