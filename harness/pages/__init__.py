"""HTML pages as text: a document with its policy, and tables that lead to what is behind them."""
