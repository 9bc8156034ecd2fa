//! NAL units behind start codes: walking them. ITU-T H.264 and H.265, annex B.

/// Iterates over the NAL units of a byte stream, without start codes and trailing zeros; what
/// stands before the first start code is none.
pub(crate) fn units(data: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = start_code(data).map(|at| &data[at + 3..]);
    std::iter::from_fn(move || {
        let from = rest?;
        let end = start_code(from);
        rest = end.map(|at| &from[at + 3..]);
        Some(without_zeros(&from[..end.unwrap_or(from.len())]))
    })
    .filter(|unit| !unit.is_empty())
}

/// Where the next `00 00 01` begins.
fn start_code(data: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(&[a, b, c]) = data.get(at..).and_then(<[u8]>::first_chunk) {
        // Most bytes of a picture are above one: three at a time.
        match (a, b, c) {
            (0, 0, 1) => return Some(at),
            (_, _, 2..) => at += 3,
            (_, 1.., _) => at += 2,
            _ => at += 1,
        }
    }
    None
}

fn without_zeros(unit: &[u8]) -> &[u8] {
    let end = unit.iter().rposition(|&byte| byte != 0).map_or(0, |last| last + 1);
    &unit[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(data: &[u8]) -> Vec<&[u8]> {
        units(data).collect()
    }

    #[test]
    fn short_and_long_start_codes_and_zeros_between() {
        let stream = [0, 0, 0, 1, 9, 16, 0, 0, 1, 0x67, 1, 0, 2, 0, 0, 0, 0, 1, 0x65, 7];
        assert_eq!(of(&stream), [&[9, 16][..], &[0x67, 1, 0, 2], &[0x65, 7]]);
    }

    #[test]
    fn what_is_before_the_first_start_code_is_no_unit() {
        assert_eq!(of(&[1, 2, 3]), [] as [&[u8]; 0]);
        assert_eq!(of(&[7, 0, 0, 1, 5]), [&[5]]);
        assert_eq!(of(&[0, 0, 1]), [] as [&[u8]; 0]);
        assert_eq!(of(&[0, 0, 1, 0, 0, 1, 3]), [&[3]]);
    }

    proptest::proptest! {
        #[test]
        fn units_without_zeros_come_back_as_they_were(
            units in proptest::collection::vec(
                proptest::collection::vec(1_u8.., 1..20), 1..20),
        ) {
            let stream: Vec<u8> =
                units.iter().flat_map(|unit| [&[0, 0, 1], unit.as_slice()].concat()).collect();
            proptest::prop_assert_eq!(of(&stream), units);
        }
    }
}
