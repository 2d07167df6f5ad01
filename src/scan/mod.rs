//! What is there: walk → facts (memo or probe) → plan, as a stream; the first candidate is handed on while the walk goes on.
