//! The protocol's machines under a model checker: the code of `share::steps` and `share::judge` that ships, on a
//! modelled share. Compiled into the library's tests, since the machines are private.

mod explore;
mod protocol;
mod share;
mod time;
