//! Events → bars (terminal), lines (log), NDJSON; tables; cleaned file names. The only room that prints.
