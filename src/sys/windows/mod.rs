//! Windows: the other half of the twins.
