"""What numbers of runs say: estimates, intervals, tests and rules; pure, over plain numbers."""
