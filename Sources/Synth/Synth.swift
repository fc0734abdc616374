// Synth: see docs/overview.md.
