//! The vocabulary of the Vigil chain: ids, amounts, job and model types, runtime APIs
