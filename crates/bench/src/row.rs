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
