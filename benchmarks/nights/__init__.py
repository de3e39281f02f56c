"""Simulated nights of measuring, and what our rules and others say of them."""
