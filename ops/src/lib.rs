//! Reproducible operators: one element for the referee, whole tensors for workers
