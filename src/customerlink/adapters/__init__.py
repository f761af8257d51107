"""The outside world: each file speaks to one service and implements one port."""
