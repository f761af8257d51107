"""Both sides compared: what differs by kind, a plan that mends it, and the plan carried out."""
