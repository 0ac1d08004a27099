//! The package of the program `try-state`; it has no library.
