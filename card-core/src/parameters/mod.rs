//! What mail says: plaintexts of the issuer's mail to a meter, and of the meter's to the issuer (docs/meter.md, sections 7 to 10).
