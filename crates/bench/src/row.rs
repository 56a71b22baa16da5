//! One line of the result.

/// Whether more or less of it is good.
#[derive(Clone, Copy)]
pub(crate) enum Better {
    Higher,
    Lower,
}

/// One figure, and the same work done plainly.
pub(crate) struct Row {
    pub(crate) name: &'static str,
    pub(crate) value: f64,
    pub(crate) unit: &'static str,
    /// What we want it to be.
    pub(crate) aim: Option<f64>,
    pub(crate) better: Better,
    /// What the other one is, and its value in the same unit.
    pub(crate) peer: (&'static str, f64),
}

impl Row {
    pub(crate) fn print(&self, json: bool) {
        let Self { name, value, unit, aim, better, peer: (peer, peer_value) } = self;
        let better = match better {
            Better::Higher => "higher",
            Better::Lower => "lower",
        };
        let ratio = value / peer_value;
        if json {
            let aim = aim.map_or("null".into(), |aim| format!("{aim}"));
            println!(
                r#"{{"name":"{name}","value":{value:.1},"unit":"{unit}","aim":{aim},"better":"{better}","peer":"{peer}","peer_value":{peer_value:.1},"ratio":{ratio:.4}}}"#
            );
        } else {
            let aim = aim.map_or(String::new(), |aim| format!(", aim {}", grouped(aim)));
            println!(
                "{name:<28} {:>12} {unit:<9} ({better} is better{aim}); {peer}: {} {unit}; ratio {ratio:.3}",
                grouped(*value),
                grouped(*peer_value),
            );
        }
    }
}

fn grouped(value: f64) -> String {
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
