//! What the router cannot do yet: each case, and the line of the spec. A gap must fail: the one who closes it takes it out.

/// Name of the case, what is missing.
pub(crate) const KNOWN_GAPS: &[(&str, &str)] = &[];
