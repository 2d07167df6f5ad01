//! Defaults ← file ← environment ← flags → settings that know where they came from. The only room that reads the environment.
