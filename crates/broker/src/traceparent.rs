//! Which text is a W3C trace context. Whoever may publish may write anything into that header, and it goes on from message to
//! message and into the ledger: what is none is dropped at the door, and costs nothing but a trace.

/// `00-`, 16 bytes, `-`, 8 bytes, `-01` in lower-case hexadecimal digits (W3C Trace Context, section 3.2.2).
const PARTS: [usize; 4] = [2, 32, 16, 2];

/// Whether this is a trace context of any version that has today's four parts and no more.
#[must_use]
pub fn is_traceparent(text: &str) -> bool {
    let is_hex = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    let parts = || text.split('-');
    parts().map(str::len).eq(PARTS) && parts().all(|part| part.bytes().all(is_hex))
}

#[cfg(test)]
mod tests {
    use super::is_traceparent;

    #[test]
    fn only_a_trace_context_is_one() {
        let sound = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
        assert!(is_traceparent(sound));
        assert!(is_traceparent(&sound.replacen("00", "01", 1)), "a later version");
        let wrong = [
            "",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-00",
            "00-0AF7651916CD43DD8448EB211C80319C-b7ad6b7169203331-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920333\0-01",
            "00-0af7651916cd43dd8448eb211c80319c-b7ad6b716920\u{661}\u{662}-01",
            &"a".repeat(100_000),
        ];
        for text in wrong {
            assert!(!is_traceparent(text), "{:?}", text.chars().take(80).collect::<String>());
        }
    }
}
