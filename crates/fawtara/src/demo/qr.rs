//! The authority's QR text as a picture: for the terminal, and for a file. It must not know whose it is.

use anyhow::Context;
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

/// A QR symbol of half blocks, two rows of modules a line. `colours` paints it black on white whatever the terminal's
/// own colours are; without, light modules are drawn, as fits a dark terminal.
pub(super) fn draw(text: &str, colours: bool) -> anyhow::Result<String> {
    let symbol = symbol(text)?;
    let (dark, light) = if colours {
        (unicode::Dense1x2::Dark, unicode::Dense1x2::Light)
    } else {
        (unicode::Dense1x2::Light, unicode::Dense1x2::Dark)
    };
    let picture = symbol.render::<unicode::Dense1x2>().dark_color(dark).light_color(light).build();
    let paint = |line: &str| {
        if colours { format!("  \x1b[38;5;16;48;5;231m{line}\x1b[0m\n") } else { format!("  {line}\n") }
    };
    Ok(picture.lines().map(paint).collect())
}

/// The symbol as an SVG document.
pub(super) fn svg(text: &str) -> anyhow::Result<String> {
    Ok(symbol(text)?.render::<svg::Color<'_>>().min_dimensions(300, 300).build())
}

/// The lowest correction keeps the symbol small enough for a terminal of 80 columns.
fn symbol(text: &str) -> anyhow::Result<QrCode> {
    QrCode::with_error_correction_level(text, EcLevel::L).context("the QR text does not fit into a symbol")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_arabic_sellers_symbol_fits_a_terminal() {
        // The longest that the authority's tags make of a common name: 400 characters of Base64.
        let drawn = draw(&"QUJD".repeat(100), false).unwrap();
        assert!(drawn.lines().all(|line| line.chars().count() <= 79), "{}", drawn.lines().next().unwrap().chars().count());
        assert!(drawn.lines().count() < 45);
    }

    #[test]
    fn both_pictures_are_of_the_same_symbol() {
        let svg = svg("QUJD").unwrap();
        assert!(svg.starts_with("<?xml") && svg.contains("<svg"), "{svg}");
        let (dark, light) = (draw("QUJD", true).unwrap(), draw("QUJD", false).unwrap());
        assert!(dark.contains("\u{1b}[38;5;16;48;5;231m") && !light.contains('\u{1b}'));
        assert_eq!(dark.lines().count(), light.lines().count());
    }
}
