"""The static site that `edgebench publish` writes: tables, and pages of all that is behind them."""
