//! A typed client of the Vigil chain: runtime calls, extrinsics, keys and blobs
