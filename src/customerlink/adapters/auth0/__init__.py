"""Auth0's Management API and its tokens."""
