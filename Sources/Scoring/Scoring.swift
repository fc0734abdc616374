// Scoring: see docs/overview.md.
