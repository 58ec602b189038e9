//! Products over GF(2^8).
