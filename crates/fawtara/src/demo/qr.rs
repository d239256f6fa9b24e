//! The authority's QR text as a picture: for the terminal, and for a file. It must not know whose it is.

use anyhow::Context;
use qrcode::render::{svg, unicode};
use qrcode::{EcLevel, QrCode};

/// Pixels of a module's side.
const MODULE: usize = 4;
/// Pixels for the line of words.
const CAPTION: usize = 28;

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

/// The symbol as an SVG document, with a line of words beneath.
pub(super) fn svg(text: &str, caption: &str) -> anyhow::Result<String> {
    let symbol = symbol(text)?;
    // The quiet zone is four modules on each side (ISO/IEC 18004).
    let width = (symbol.width() + 8) * MODULE;
    let (height, middle, baseline) = (width + CAPTION, width / 2, width + CAPTION / 2);
    let module = u32::try_from(MODULE)?;
    let picture = symbol.render::<svg::Color<'_>>().module_dimensions(module, module).build();
    // The declaration may stand only once, in front.
    let picture = picture.split_once("?>").map_or(picture.as_str(), |(_, rest)| rest);
    let caption = caption.replace('&', "&amp;").replace('<', "&lt;");
    Ok(format!(
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
         <svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{width}\" height=\"{height}\">\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>{picture}\
         <text x=\"{middle}\" y=\"{baseline}\" font-family=\"sans-serif\" font-size=\"14\" text-anchor=\"middle\">\
         {caption}</text></svg>\n"
    ))
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
        assert!(
            drawn.lines().all(|line| line.chars().count() <= 79),
            "{}",
            drawn.lines().next().unwrap().chars().count()
        );
        assert!(drawn.lines().count() < 45);
    }

    #[test]
    fn both_pictures_are_of_the_same_symbol() {
        let svg = svg("QUJD", "SIMULATION أ&ب <1>").unwrap();
        assert_eq!(
            (svg.matches("<?xml").count(), svg.matches("<svg").count(), svg.matches("</svg>").count()),
            (1, 2, 2)
        );
        assert!(svg.contains(">SIMULATION أ&amp;ب &lt;1></text>"), "{svg}");
        let (dark, light) = (draw("QUJD", true).unwrap(), draw("QUJD", false).unwrap());
        assert!(dark.contains("\u{1b}[38;5;16;48;5;231m") && !light.contains('\u{1b}'));
        assert_eq!(dark.lines().count(), light.lines().count());
    }
}
