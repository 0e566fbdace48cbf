"""Passes over whole entities: first load, resync, sweep, reconcile."""
