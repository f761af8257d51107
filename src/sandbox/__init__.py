"""Stand-ins for Stripe, Auth0 and AWS on one machine; never deployed."""
