//! Model registry: who owns which model, its immutable versions, their terms and their status
