"""One leaderboard for every family: see __main__.py."""
