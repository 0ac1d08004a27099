//! The Vigil runtime
