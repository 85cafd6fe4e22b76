//! What the router cannot do yet: each case, and the line of the spec. A gap must fail: the one who closes it takes it out.

/// Name of the case, what is missing.
pub(crate) const KNOWN_GAPS: &[(&str, &str)] = &[
    ("1.6 end to end: a second 100 after the body is 502", "1.6: a second 100 is waited through; H12 comes in its place"),
    ("72 Host \"shop.test:65536\" is refused", "1.1, 72: a port of five digits is not looked at"),
];
