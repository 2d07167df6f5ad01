//! A list of checks of a share and a machine → findings with what to do.
