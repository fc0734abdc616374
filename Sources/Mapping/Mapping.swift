// Mapping: see docs/overview.md.
