//! Latency against load, as SVG.

use std::fmt::Write as _;

/// One load.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Point {
    /// Messages on the way of each who writes.
    pub(crate) window: u32,
    /// What came of it.
    pub(crate) messages_per_s: f64,
    /// Median of send to push, in milliseconds.
    pub(crate) p50_ms: f64,
    /// 99th percentile of the same.
    pub(crate) p99_ms: f64,
}

/// What is drawn of each point: its name, its colour, its height.
type Line = (&'static str, &'static str, fn(&Point) -> f64);

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 440.0;
const LEFT: f64 = 70.0;
const RIGHT: f64 = 30.0;
const TOP: f64 = 50.0;
const BOTTOM: f64 = 60.0;

/// Draws the points, the rate to the right and the latency, by powers of ten, upwards.
pub(crate) fn svg(title: &str, points: &[Point]) -> String {
    let most = points.iter().map(|point| point.messages_per_s).fold(1.0, f64::max);
    let step = nice(most / 5.0);
    let right = (most / step).ceil() * step;
    let lowest = points.iter().map(|point| point.p50_ms).fold(f64::INFINITY, f64::min).max(0.001).log10().floor();
    let highest = points.iter().map(|point| point.p99_ms).fold(0.001, f64::max).log10().ceil().max(lowest + 1.0);
    let x = |rate: f64| LEFT + (WIDTH - LEFT - RIGHT) * rate / right;
    let y = |ms: f64| HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * (ms.max(0.001).log10() - lowest) / (highest - lowest);
    let mut svg = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {HEIGHT}\" font-family=\"sans-serif\" font-size=\"12\">\n\
         <rect width=\"{WIDTH}\" height=\"{HEIGHT}\" fill=\"#fff\"/>\n\
         <text x=\"{LEFT}\" y=\"24\" font-size=\"15\" font-weight=\"bold\">{title}</text>\n"
    );
    for decade in 0..=(highest - lowest) as i32 {
        let ms = 10_f64.powf(lowest + f64::from(decade));
        let (at, end) = (y(ms), WIDTH - RIGHT);
        let _ = writeln!(
            svg,
            "<path d=\"M{LEFT} {at:.1}H{end}\" stroke=\"#ddd\"/><text x=\"{:.0}\" y=\"{:.1}\" text-anchor=\"end\">{ms} ms</text>",
            LEFT - 8.0,
            at + 4.0
        );
    }
    for tick in 0..=(right / step).round() as i32 {
        let rate = step * f64::from(tick);
        let (at, end) = (x(rate), HEIGHT - BOTTOM);
        let _ = writeln!(
            svg,
            "<path d=\"M{at:.1} {TOP}V{end}\" stroke=\"#eee\"/><text x=\"{at:.1}\" y=\"{:.0}\" text-anchor=\"middle\">{rate:.0}</text>",
            end + 18.0
        );
    }
    let _ = writeln!(
        svg,
        "<text x=\"{:.0}\" y=\"{:.0}\" text-anchor=\"middle\">messages/s, durable, delivered and acknowledged; beside each point the window</text>",
        (LEFT + WIDTH - RIGHT) / 2.0,
        HEIGHT - 16.0
    );
    let lines: [Line; 2] = [("p50", "#1f77b4", |point| point.p50_ms), ("p99", "#d62728", |point| point.p99_ms)];
    for (nth, (name, colour, of)) in lines.into_iter().enumerate() {
        let at: Vec<_> = points.iter().map(|point| format!("{:.1},{:.1}", x(point.messages_per_s), y(of(point)))).collect();
        let _ = writeln!(svg, "<polyline points=\"{}\" fill=\"none\" stroke=\"{colour}\" stroke-width=\"2\"/>", at.join(" "));
        for point in points {
            let (cx, cy) = (x(point.messages_per_s), y(of(point)));
            let _ = writeln!(
                svg,
                "<circle cx=\"{cx:.1}\" cy=\"{cy:.1}\" r=\"3.5\" fill=\"{colour}\"/><text x=\"{:.1}\" y=\"{:.1}\" fill=\"{colour}\">{}</text>",
                cx + 6.0,
                cy - 6.0,
                point.window
            );
        }
        let legend = LEFT + 10.0 + 150.0 * nth as f64;
        let _ = writeln!(svg, "<text x=\"{legend:.0}\" y=\"42\" fill=\"{colour}\">{name} of send to push</text>");
    }
    svg + "</svg>\n"
}

/// The next of 1, 2, 5, 10, 20, 50, … that is not less.
fn nice(value: f64) -> f64 {
    let power = 10_f64.powf(value.max(1.0).log10().floor());
    [1.0, 2.0, 5.0, 10.0].into_iter().map(|step| step * power).find(|step| *step >= value).unwrap_or(10.0 * power)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_point_has_its_place_within_the_picture() {
        let point = |window, messages_per_s, p50_ms, p99_ms| Point { window, messages_per_s, p50_ms, p99_ms };
        let drawn = svg("A title", &[point(1, 8_000.0, 0.4, 3.0), point(16, 31_000.0, 9.0, 140.0)]);
        let places: Vec<(f64, f64)> = drawn
            .split("<circle cx=\"")
            .skip(1)
            .map(|rest| {
                let mut numbers = rest.split('"');
                (numbers.next().unwrap().parse().unwrap(), numbers.nth(1).unwrap().parse().unwrap())
            })
            .collect();
        assert_eq!(places.len(), 4);
        assert!(places.iter().all(|(x, y)| (LEFT..=WIDTH - RIGHT).contains(x) && (TOP..=HEIGHT - BOTTOM).contains(y)), "{places:?}");
        // Of one load p99 is above p50, and more messages are further to the right.
        assert!(places[2].1 < places[0].1 && places[1].0 > places[0].0, "{places:?}");
        assert_eq!((nice(1.0), nice(1_200.0), nice(6_000.0)), (1.0, 2_000.0, 10_000.0));
    }
}
