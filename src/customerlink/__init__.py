"""One Stripe customer for each Auth0 user, made at sign-up, exactly once."""
