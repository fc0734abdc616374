// Torch: see docs/overview.md.
