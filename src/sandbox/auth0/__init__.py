"""The Management API of an Auth0 tenant, as far as Customer Link's tools use it."""
