//! Whether something listens on a port, read from the kernel's own tables (`/proc/<pid>/net/tcp` and `tcp6`).

/// The state LISTEN in those tables.
const LISTEN: &str = "0A";

/// Whether the table shows a socket listening on the port at an address that others can reach.
pub(crate) fn listens(table: &str, port: u16) -> bool {
    table.lines().skip(1).any(|line| {
        let mut fields = line.split_whitespace().skip(1);
        let (Some(local), Some(state)) = (fields.next(), fields.nth(1)) else { return false };
        let Some((address, local_port)) = local.split_once(':') else { return false };
        state == LISTEN && u16::from_str_radix(local_port, 16) == Ok(port) && !is_loopback(address)
    })
}

/// Addresses stand there as hex words in the machine's byte order.
fn is_loopback(address: &str) -> bool {
    let little = cfg!(target_endian = "little");
    let v4 = |word: &str| if little { word.ends_with("7F") } else { word.starts_with("7F") };
    match address.len() {
        8 => v4(address),
        32 => {
            let (high, low) = address.split_at(24);
            let (one, mapped) = if little { ("01000000", "0000000000000000FFFF0000") } else { ("00000001", "00000000000000000000FFFF") };
            (high.bytes().all(|digit| digit == b'0') && low == one) || (high == mapped && v4(low))
        }
        _ => false,
    }
}

#[cfg(test)]
#[cfg(target_endian = "little")]
mod tests {
    use super::*;

    fn table(rows: &[(&str, &str)]) -> String {
        let head = "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode\n";
        let row = |(n, (local, state)): (usize, &(&str, &str))| {
            format!("   {n}: {local} 00000000:0000 {state} 00000000:00000000 00:00000000 00000000  1000        0 29018 1 0000000000000000 100 0 0 10 0\n")
        };
        head.to_owned() + &rows.iter().enumerate().map(row).collect::<String>()
    }

    #[test]
    fn only_a_listener_that_others_can_reach_counts() {
        let port = 5000;
        for (rows, expected) in [
            (&[("00000000:1388", "0A")][..], true),
            (&[("0100007F:1388", "0A")], false),
            (&[("0200140A:1388", "0A")], true),
            (&[("0200140A:1388", "01")], false),
            (&[("00000000:1389", "0A")], false),
            (&[("00000000000000000000000000000000:1388", "0A")], true),
            (&[("00000000000000000000000001000000:1388", "0A")], false),
            (&[("0000000000000000FFFF00000100007F:1388", "0A")], false),
            (&[("0000000000000000FFFF00000200140A:1388", "0A")], true),
            (&[("0100007F:1388", "0A"), ("00000000:1388", "0A")], true),
            (&[], false),
        ] {
            assert_eq!(listens(&table(rows), port), expected, "{rows:?}");
        }
    }

    #[test]
    fn nonsense_is_no_listener() {
        for text in ["", "x", "head\nshort", "head\n 0: nocolon x 0A", "head\n 0: 00000000:XYZW x 0A"] {
            assert!(!listens(text, 5000), "{text:?}");
        }
    }
}
