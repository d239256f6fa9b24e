//! Decimals as the profile wants them: at least so many decimals, at most nine, no exponent, never a sign.

use rust_decimal::Decimal;

/// Guide v1.5: "at most 9 decimals".
const MOST_DECIMALS: u32 = 9;
/// 29 digits, up to 9 zeros and the point.
const ROOM: usize = 40;

/// Appends `value` with `least` to nine decimals; gives it back, appending nothing, if it is negative or needs more.
pub(super) fn push_decimal(out: &mut Vec<u8>, value: Decimal, least: u32) -> Result<(), Decimal> {
    let (mut mantissa, mut scale) = without_zeros(value, least);
    if scale > MOST_DECIMALS || (value.is_sign_negative() && mantissa != 0) {
        return Err(value);
    }
    while scale < least {
        // A mantissa has 96 bits, so that nine more zeros fit by far.
        mantissa = mantissa.checked_mul(10).ok_or(value)?;
        scale = scale.saturating_add(1);
    }

    let mut room = [0_u8; ROOM];
    let mut used: usize = 0;
    let mut slots = room.iter_mut().rev();
    let mut push = |byte: u8| {
        if let Some(slot) = slots.next() {
            *slot = byte;
            used = used.saturating_add(1);
        }
    };
    let mut left = mantissa;
    let mut place: u32 = 0;
    loop {
        if place == scale && scale > 0 {
            push(b'.');
        }
        let (rest, digit) = last_digit(left);
        push(b'0'.saturating_add(digit));
        left = rest;
        place = place.saturating_add(1);
        if left == 0 && place > scale {
            break;
        }
    }
    out.extend_from_slice(room.get(ROOM.saturating_sub(used)..).unwrap_or_default());
    Ok(())
}

/// Mantissa and scale of the absolute value, without trailing zeros beyond `least` decimals.
fn without_zeros(value: Decimal, least: u32) -> (u128, u32) {
    let (mut mantissa, mut scale) = (value.mantissa().unsigned_abs(), value.scale());
    while scale > least {
        let (rest, digit) = last_digit(mantissa);
        if digit != 0 {
            break;
        }
        mantissa = rest;
        scale = scale.saturating_sub(1);
    }
    (mantissa, scale)
}

/// All digits but the last, and the last. Most amounts fit 64 bits, where division is many times faster.
fn last_digit(number: u128) -> (u128, u8) {
    let (rest, digit) = match u64::try_from(number) {
        Ok(number) => (u128::from(number / 10), u8::try_from(number % 10)),
        Err(_) => (number / 10, u8::try_from(number % 10)),
    };
    (rest, digit.unwrap_or(0))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(text: &str, least: u32) -> Result<String, Decimal> {
        let mut out = b"=".to_vec();
        let result = push_decimal(&mut out, text.parse().unwrap(), least);
        let out = String::from_utf8(out).unwrap();
        match result {
            Ok(()) => Ok(out.strip_prefix('=').unwrap().to_owned()),
            Err(value) => {
                assert_eq!(out, "=");
                Err(value)
            }
        }
    }

    #[test]
    fn three_to_nine_decimals() {
        for (value, text) in [
            ("0", "0.000"),
            ("-0.00", "0.000"),
            ("7", "7.000"),
            ("4.48", "4.480"),
            ("4.480000000000000000", "4.480"),
            ("0.000000001", "0.000000001"),
            ("93.965517241", "93.965517241"),
            ("1000000", "1000000.000"),
            ("18446744073709551616.5", "18446744073709551616.500"),
            ("79228162514264337593543950335", "79228162514264337593543950335.000"),
            ("7922816251426433759.3543950335", ""),
            ("0.0000000001", ""),
            ("-1", ""),
        ] {
            let expected = if text.is_empty() { Err(value.parse().unwrap()) } else { Ok(text.to_owned()) };
            assert_eq!(written(value, 3), expected, "{value}");
        }
    }

    #[test]
    fn percents_have_two() {
        assert_eq!(written("16", 2), Ok("16.00".to_owned()));
        assert_eq!(written("0", 2), Ok("0.00".to_owned()));
        assert_eq!(written("7.125", 2), Ok("7.125".to_owned()));
        assert_eq!(written("16.0", 0), Ok("16".to_owned()));
    }
}
