// Downstream: see docs/overview.md.
