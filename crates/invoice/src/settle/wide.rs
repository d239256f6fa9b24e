//! A product of two 128-bit numbers divided by a third, exactly. Knows no money.

/// Quotient and remainder of `a` x `b` / `divisor`; none when the quotient is beyond 128 bits, or the divisor 0 or beyond 127.
pub(super) fn multiply_divide(a: u128, b: u128, divisor: u128) -> Option<(u128, u128)> {
    if divisor == 0 || divisor > u128::MAX / 2 {
        return None;
    }
    let (whole, part) = (b / divisor, b % divisor);
    let (mut quotient, mut remainder) = (0_u128, 0_u128);
    // Long multiplication from the highest bit of `a`, kept reduced by the divisor all the way.
    for bit in (0..u128::BITS - a.leading_zeros()).rev() {
        quotient = quotient.checked_mul(2)?;
        remainder *= 2;
        if remainder >= divisor {
            remainder -= divisor;
            quotient = quotient.checked_add(1)?;
        }
        if a >> bit & 1 == 1 {
            quotient = quotient.checked_add(whole)?;
            remainder += part;
            if remainder >= divisor {
                remainder -= divisor;
                quotient = quotient.checked_add(1)?;
            }
        }
    }
    Some((quotient, remainder))
}

#[cfg(test)]
mod tests {
    use num_bigint::BigUint;
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn what_has_no_answer_has_none() {
        assert_eq!(multiply_divide(1, 1, 0), None);
        assert_eq!(multiply_divide(1, 1, u128::MAX), None);
        assert_eq!(multiply_divide(u128::MAX, 2, 1), None);
        assert_eq!(multiply_divide(u128::MAX, 1, 1), Some((u128::MAX, 0)));
        assert_eq!(multiply_divide(0, 7, 3), Some((0, 0)));
    }

    proptest! {
        #[test]
        fn it_is_the_exact_quotient(a: u128, b: u128, divisor in 1..u128::MAX / 2, shift in 0_u32..128) {
            let a = a >> shift;
            let product = BigUint::from(a) * BigUint::from(b);
            let exact = (&product / divisor, &product % divisor);
            match multiply_divide(a, b, divisor) {
                Some((quotient, remainder)) => {
                    prop_assert_eq!((BigUint::from(quotient), BigUint::from(remainder)), exact);
                }
                None => prop_assert!(exact.0 > BigUint::from(u128::MAX)),
            }
        }
    }
}
