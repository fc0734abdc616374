// Pretraining: see docs/overview.md.
