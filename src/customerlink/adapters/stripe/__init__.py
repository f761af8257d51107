"""Stripe, by its SDK."""
