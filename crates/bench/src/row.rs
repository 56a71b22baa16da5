//! One line of the result.

/// Whether more or less of it is good.
#[derive(Clone, Copy)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// One figure, and the same work done by something else.
pub(crate) struct Row {
    pub(crate) name: String,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// What we want it to be.
    pub(crate) aim: Option<f64>,
    pub(crate) better: Better,
    /// What the other one is, and its value in the same unit.
    pub(crate) peer: Option<(&'static str, f64)>,
}

impl Row {
    fn json(&self) -> String {
        let Self { name, value, unit, aim, peer, .. } = self;
        let better = self.better();
        let aim = aim.map_or("null".into(), |aim| format!("{aim}"));
        let (peer, peer_value, ratio) = match peer {
            Some((peer, peer_value)) => {
                (format!("\"{peer}\""), format!("{peer_value:.3}"), format!("{:.4}", value / peer_value))
            }
            None => ("null".into(), "null".into(), "null".into()),
        };
        format!(
            r#"{{"name":"{name}","value":{value:.3},"unit":"{unit}","aim":{aim},"better":"{better}","peer":{peer},"peer_value":{peer_value},"ratio":{ratio}}}"#
        )
    }

    fn text(&self) -> String {
        let Self { name, value, unit, aim, peer, .. } = self;
        let aim = aim.map_or(String::new(), |aim| format!(", aim {}", grouped(aim)));
        let mut text = format!("{name:<34} {:>12} {unit:<9} ({} is better{aim})", grouped(*value), self.better());
        if let Some((peer, peer_value)) = peer {
            text += &format!("; {peer}: {}; ratio {:.3}", grouped(*peer_value), value / peer_value);
        }
        text
    }

    /// The part of the aim that is reached: 1 or more is good.
    fn reached(&self) -> Option<f64> {
        let aim = self.aim?;
        Some(match self.better {
            Better::Higher => self.value / aim,
            Better::Lower => aim / self.value,
        })
    }

    fn better(&self) -> &'static str {
        match self.better {
            Better::Higher => "higher",
            Better::Lower => "lower",
        }
    }
}

/// Everything measured in one run, printed as it comes.
pub(crate) struct Report {
    json: bool,
    rows: Vec<Row>,
}

impl Report {
    pub(crate) fn new(json: bool) -> Self {
        Self { json, rows: Vec::new() }
    }

    pub(crate) fn add(&mut self, row: Row) {
        println!("{}", if self.json { row.json() } else { row.text() });
        self.rows.push(row);
    }

    /// Every row as a line of JSON.
    pub(crate) fn lines(&self) -> String {
        self.rows.iter().map(|row| row.json() + "\n").collect()
    }

    /// Bars: how far each row is of its aim, the aim at the thick line.
    pub(crate) fn chart(&self) -> String {
        use std::fmt::Write;
        let rows: Vec<_> = self.rows.iter().filter_map(|row| Some((row, row.reached()?))).collect();
        let height = 30 + 24 * rows.len();
        let mut svg = format!(
            r##"<svg xmlns="http://www.w3.org/2000/svg" width="860" height="{height}" font-family="sans-serif" font-size="13"><rect width="100%" height="100%" fill="#fff"/>"##
        );
        for (at, (row, reached)) in rows.iter().enumerate() {
            let (y, width) = (10 + 24 * at, (200.0 * reached.min(2.0)).round());
            let colour = if *reached >= 1.0 { "#2a7f4f" } else { "#b5651d" };
            let (name, value, unit) = (&row.name, grouped(row.value), row.unit);
            // A string takes whatever is written.
            let _ = write!(
                svg,
                r##"<text x="10" y="{}">{name}</text><rect x="330" y="{y}" width="{width}" height="16" fill="{colour}"/><text x="740" y="{}">{value} {unit}</text>"##,
                y + 13,
                y + 13
            );
        }
        let end = height - 10;
        svg + &format!(r##"<line x1="530" y1="4" x2="530" y2="{end}" stroke="#333" stroke-width="2"/></svg>"##) + "\n"
    }

    /// The value of a row that is there already.
    pub(crate) fn value(&self, name: &str) -> Option<f64> {
        self.rows.iter().find(|row| row.name == name).map(|row| row.value)
    }
}

pub(crate) fn grouped(value: f64) -> String {
    if value.abs() < 100.0 {
        return format!("{value:.2}");
    }
    let digits = format!("{value:.0}");
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

/// The middle one.
pub(crate) fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
