//! AES key wrap (RFC 3394).
