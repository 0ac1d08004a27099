//! Packages and reproducible execution with candle; no chain, no network
