//! Figures for the documentation: curves as a picture, and tables between marks. Knows nothing of what was measured.

use std::path::Path;

const BEGIN: &str = "<!-- figures: begin -->\n";
const END: &str = "<!-- figures: end -->";
/// A panel of the picture.
const WIDTH: f64 = 400.0;
const HEIGHT: f64 = 200.0;
/// In this order.
const COLOURS: [&str; 4] = ["#1b6ca8", "#c1531b", "#3a7d44", "#7b4397"];

/// Curves over one axis.
pub struct Panel {
    /// What stands above it, with its unit.
    pub title: &'static str,
    /// What the axis counts.
    pub below: &'static str,
    /// Names and points; four at most.
    pub lines: Vec<(&'static str, Vec<(f64, f64)>)>,
}

/// All panels in one SVG, two in a row.
#[must_use]
pub fn picture(panels: &[Panel]) -> String {
    let (across, down) = (WIDTH + 110.0, HEIGHT + 90.0);
    let rows = panels.len().div_ceil(2) as f64;
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {} {}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"100%\" height=\"100%\" fill=\"#fff\"/>\n",
        2.0 * across,
        rows * down
    );
    for (index, panel) in panels.iter().enumerate() {
        let (x, y) = ((index % 2) as f64 * across + 60.0, (index / 2) as f64 * down + 40.0);
        svg += &format!("<g transform=\"translate({x},{y})\">\n{}</g>\n", draw(panel));
    }
    svg + "</svg>\n"
}

/// A round number at or above the greatest.
fn above(greatest: f64) -> f64 {
    let power = 10_f64.powf(greatest.max(1e-9).log10().floor());
    [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|step| step * power)
        .find(|round| *round >= greatest)
        .unwrap_or(greatest)
}

fn draw(panel: &Panel) -> String {
    let Panel { title, below, lines } = panel;
    let points = || lines.iter().flat_map(|(_, points)| points);
    let widest = points().map(|(x, _)| *x).fold(0.0, f64::max).max(1e-9);
    let top = above(points().map(|(_, y)| *y).fold(0.0, f64::max));
    let mut svg = format!(
        "<text x=\"0\" y=\"-16\" font-size=\"14\" font-weight=\"bold\" fill=\"#222\">{title}</text>\n"
    );
    for part in 0..=4 {
        let share = f64::from(part) / 4.0;
        let y = HEIGHT * (1.0 - share);
        svg += &format!(
            "<path d=\"M0 {y}H{WIDTH}\" stroke=\"#ddd\"/><text x=\"-8\" y=\"{}\" text-anchor=\"end\" fill=\"#555\">{}</text>\n",
            y + 4.0,
            short(top * share)
        );
        svg += &format!(
            "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{}</text>\n",
            WIDTH * share,
            HEIGHT + 18.0,
            short(widest * share)
        );
    }
    svg += &format!(
        "<text x=\"{}\" y=\"{}\" text-anchor=\"middle\" fill=\"#555\">{below}</text>\n",
        WIDTH / 2.0,
        HEIGHT + 36.0
    );
    let place = |(x, y): &(f64, f64)| (WIDTH * x / widest, HEIGHT * (1.0 - y / top));
    for ((number, (name, points)), colour) in lines.iter().enumerate().zip(COLOURS) {
        let path: Vec<String> = points.iter().map(place).map(|(x, y)| format!("{x:.1},{y:.1}")).collect();
        svg += &format!(
            "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>\n",
            path.join(" ")
        );
        for (x, y) in points.iter().map(place) {
            svg += &format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"3\" fill=\"{colour}\"/>\n");
        }
        if lines.len() > 1 {
            let x = 6.0 + 100.0 * number as f64;
            svg +=
                &format!("<text x=\"{x}\" y=\"12\" fill=\"{colour}\" font-weight=\"bold\">{name}</text>\n");
        }
    }
    svg
}

fn short(number: f64) -> String {
    if number >= 10.0 || number == 0.0 { format!("{number:.0}") } else { format!("{number:.1}") }
}

/// Puts figures between the marks of a page of the documentation, and the picture beside it: `growth` is growth.md and
/// growth.svg.
///
/// # Errors
/// When the page cannot be read, has no marks, or cannot be written.
pub fn write(folder: &Path, name: &str, figures: &str, panels: &[Panel]) -> std::io::Result<()> {
    let page = folder.join(name).with_extension("md");
    let text = std::fs::read_to_string(&page)?;
    let parts = text.split_once(BEGIN).and_then(|(before, rest)| Some((before, rest.split_once(END)?.1)));
    let Some((before, after)) = parts else {
        return Err(std::io::Error::other(format!("{} has no marks for figures", page.display())));
    };
    std::fs::write(&page, format!("{before}{BEGIN}\n{figures}\n{END}{after}"))?;
    std::fs::write(page.with_extension("svg"), picture(panels))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_axis_ends_with_a_round_number_that_holds_all() {
        assert_eq!([0.3, 1.0, 1.2, 49.0, 51.0].map(above), [0.5, 1.0, 2.0, 50.0, 100.0]);
    }

    #[test]
    fn figures_stand_between_the_marks_and_nothing_else_changes() {
        let folder = crate::services::scratch("curves");
        let page = folder.join("page.md");
        std::fs::write(&page, format!("before\n{BEGIN}old\n{END}\nafter\n")).unwrap();
        let panel = Panel { title: "T", below: "B", lines: vec![("a", vec![(0.0, 1.0), (2.0, 3.0)])] };
        write(&folder, "page", "new", &[panel]).unwrap();
        let text = std::fs::read_to_string(&page).unwrap();
        assert_eq!(text, format!("before\n{BEGIN}\nnew\n{END}\nafter\n"));
        let svg = std::fs::read_to_string(folder.join("page.svg")).unwrap();
        assert!(svg.contains("points=\"0.0,160.0 400.0,80.0\""), "{svg}");
        std::fs::write(&page, "no marks").unwrap();
        assert!(write(&folder, "page", "new", &[]).is_err());
        std::fs::remove_dir_all(folder).unwrap();
    }
}
