//! Rotary positions: the table of cosines and sines that a package of a decoder holds.
//!
//! Pair `c` of a head's channels turns by `frequency[c]` radians from one position to the next.
//! Angle, sine and cosine are computed in f64 and rounded to f32 once, so the table is what the
//! configuration means, not what one library's f32 arithmetic made of it.

use super::trig;
use serde_json::{Map, Value};
use std::f64::consts::PI;

/// The turns of every pair of channels.
pub(crate) struct Rope {
    frequencies: Vec<f64>,
}

/// How a configuration stretches the positions of the plain formula.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scaling {
    None,
    /// Positions are divided by a factor.
    Linear {
        factor: f64,
    },
    /// Llama 3: slow pairs are slowed down by a factor, fast ones are not, with a ramp between.
    Llama3 {
        factor: f64,
        low: f64,
        high: f64,
        original: f64,
    },
}

/// What a configuration says of rotary positions.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct RopeConfig {
    pub(super) theta: f64,
    pub(super) scaling: Scaling,
}

impl Default for RopeConfig {
    fn default() -> Self {
        Self { theta: 10_000.0, scaling: Scaling::None }
    }
}

/// Keys of `rope_scaling` and `rope_parameters` that are understood.
const KEYS: [&str; 8] = [
    "type",
    "rope_type",
    "rope_theta",
    "factor",
    "low_freq_factor",
    "high_freq_factor",
    "original_max_position_embeddings",
    "partial_rotary_factor",
];

impl RopeConfig {
    /// Reads `rope_theta` and the object in `rope_scaling` or, in newer folders,
    /// `rope_parameters`.
    pub(super) fn parse(
        theta: Option<f64>,
        scaling: Option<&Value>,
        parameters: Option<&Value>,
    ) -> Result<Self, String> {
        let (key, value) = match (scaling, parameters) {
            (None, None) => return Self::default().with(theta),
            (Some(value), None) => ("rope_scaling", value),
            (None, Some(value)) => ("rope_parameters", value),
            (Some(_), Some(_)) => {
                return Err("it has both rope_scaling and rope_parameters: keep one".into())
            }
        };
        let object = value.as_object().ok_or_else(|| format!("{key} is not an object"))?;
        if let Some(unknown) = object.keys().find(|key| !KEYS.contains(&key.as_str())) {
            return Err(format!("{key} has {unknown:?}, which is not supported"));
        }
        let number = |name: &str| number(object, name).map_err(|what| format!("{key}: {what}"));
        if number("partial_rotary_factor")?.is_some_and(|part| part != 1.0) {
            return Err(format!("{key}: rotating a part of a head only is not supported"));
        }
        let needed = |name: &str| {
            let value = number(name)?.ok_or_else(|| format!("{key} has no {name}"))?;
            // Positions are stretched, never squeezed.
            let least = if name == "factor" { 1.0 } else { f64::MIN_POSITIVE };
            if (least..=1e9).contains(&value) {
                return Ok(value);
            }
            Err(format!("{key}: {name} is {value}, which makes no sense"))
        };
        let kind = object.get("rope_type").or_else(|| object.get("type"));
        let scaling = match kind.map(|kind| kind.as_str().unwrap_or_default()) {
            None if key == "rope_parameters" => Scaling::None,
            Some("default") => Scaling::None,
            Some("linear") => Scaling::Linear { factor: needed("factor")? },
            Some("llama3") => {
                let (low, high) = (needed("low_freq_factor")?, needed("high_freq_factor")?);
                if low >= high {
                    return Err(format!("{key}: low_freq_factor is not below high_freq_factor"));
                }
                let original = needed("original_max_position_embeddings")?;
                Scaling::Llama3 { factor: needed("factor")?, low, high, original }
            }
            other => {
                let other = other.unwrap_or("none");
                return Err(format!(
                    "{key} of type {other:?} is not supported; supported are \"default\", \
                     \"linear\" and \"llama3\""
                ));
            }
        };
        let inner = number("rope_theta")?;
        if inner.is_some() && theta.is_some() && inner != theta {
            return Err(format!("rope_theta and that in {key} differ"));
        }
        Self { scaling, ..Self::default() }.with(inner.or(theta))
    }

    fn with(mut self, theta: Option<f64>) -> Result<Self, String> {
        self.theta = theta.unwrap_or(self.theta);
        if self.theta > 1.0 && self.theta <= 1e12 {
            return Ok(self);
        }
        Err(format!("rope_theta is {}, which makes no sense", self.theta))
    }
}

/// A number of an object, absent or null where there is none.
fn number(object: &Map<String, Value>, name: &str) -> Result<Option<f64>, String> {
    match object.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => value.as_f64().map(Some).ok_or_else(|| format!("{name} is not a number")),
    }
}

impl Rope {
    /// The turns of heads `head_width` wide.
    pub(super) fn new(config: &RopeConfig, head_width: u16) -> Self {
        let log = trig::ln(config.theta);
        let width = f64::from(head_width);
        let frequencies = (0..head_width / 2)
            .map(|pair| config.scaling.apply(trig::exp(-(2.0 * f64::from(pair) / width) * log)))
            .collect();
        Self { frequencies }
    }

    /// Sines and cosines of all pairs at one position.
    pub(crate) fn at(&self, position: usize) -> impl Iterator<Item = (f32, f32)> + '_ {
        self.frequencies.iter().map(move |frequency| {
            let (sin, cos) = trig::sin_cos(position as f64 * frequency);
            (sin as f32, cos as f32)
        })
    }
}

impl Scaling {
    fn apply(self, frequency: f64) -> f64 {
        match self {
            Self::None => frequency,
            Self::Linear { factor } => frequency / factor,
            Self::Llama3 { factor, low, high, original } => {
                // How many whole turns the original context holds.
                let turns = original * frequency / (2.0 * PI);
                if turns > high {
                    frequency
                } else if turns < low {
                    frequency / factor
                } else {
                    let smooth = (turns - low) / (high - low);
                    (1.0 - smooth) * frequency / factor + smooth * frequency
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn parse(value: Value) -> Result<RopeConfig, String> {
        RopeConfig::parse(Some(5e5), Some(&value), None)
    }

    #[test]
    fn a_table_should_hold_the_angles_of_the_formula() {
        let config = RopeConfig::parse(Some(5e5), None, None).unwrap();
        let rope = Rope::new(&config, 64);
        for position in [0, 1, 77, 4_095] {
            for (pair, (sin, cos)) in rope.at(position).enumerate() {
                let angle = position as f64 * 5e5f64.powf(-2.0 * pair as f64 / 64.0);
                assert!((f64::from(sin) - angle.sin()).abs() < 4e-8, "{position}, {pair}");
                assert!((f64::from(cos) - angle.cos()).abs() < 4e-8, "{position}, {pair}");
                assert!(sin.abs() <= 1.0 && cos.abs() <= 1.0);
            }
        }
    }

    #[test]
    fn a_scaling_should_slow_down_the_pairs_it_names() {
        let plain = Rope::new(&RopeConfig { theta: 5e5, scaling: Scaling::None }, 64);
        let linear = Rope::new(&parse(json!({"type": "linear", "factor": 4.0})).unwrap(), 64);
        let llama3 = json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0,
            "high_freq_factor": 4.0, "original_max_position_embeddings": 8192});
        let llama3 = Rope::new(&parse(llama3).unwrap(), 64);
        for (pair, plain) in plain.frequencies.iter().enumerate() {
            assert_eq!(linear.frequencies[pair], plain / 4.0);
            let turns = 8_192.0 * plain / (2.0 * PI);
            let ratio = plain / llama3.frequencies[pair];
            match turns {
                turns if turns > 4.0 => assert_eq!(ratio, 1.0),
                turns if turns < 1.0 => assert!((ratio - 8.0).abs() < 1e-12),
                _ => assert!((1.0..=8.0).contains(&ratio), "{ratio}"),
            }
        }
        assert_eq!(llama3.frequencies.first(), plain.frequencies.first());
        assert_ne!(llama3.frequencies.last(), plain.frequencies.last());
    }

    #[test]
    fn newer_and_older_keys_should_mean_the_same() {
        let older = parse(json!({"type": "linear", "factor": 2})).unwrap();
        let newer = json!({"rope_type": "linear", "factor": 2.0, "rope_theta": 500000.0});
        assert_eq!(RopeConfig::parse(None, None, Some(&newer)), Ok(older));
        assert_eq!(RopeConfig::parse(Some(5e5), None, Some(&newer)), Ok(older));
        assert!(RopeConfig::parse(Some(1e4), None, Some(&newer)).unwrap_err().contains("differ"));
        let default = json!({"rope_type": "default", "rope_theta": 10000.0});
        assert_eq!(
            RopeConfig::parse(None, None, Some(&default)),
            RopeConfig::parse(None, None, None)
        );
    }

    #[test]
    fn what_is_not_supported_should_be_refused() {
        for (value, said) in [
            (json!({"rope_type": "yarn", "factor": 4.0}), "\"yarn\""),
            (json!({"type": "dynamic", "factor": 4.0}), "\"dynamic\""),
            (json!({"rope_type": "linear"}), "no factor"),
            (json!({"rope_type": "linear", "factor": 0.0}), "factor is 0"),
            (json!({"rope_type": "linear", "factor": 0.5}), "factor is 0.5"),
            (json!({"rope_type": "linear", "factor": "two"}), "not a number"),
            (json!({"rope_type": "linear", "factor": 2.0, "mscale": 1.0}), "mscale"),
            (json!({"rope_type": "default", "partial_rotary_factor": 0.5}), "part of a head"),
            (json!({"factor": 2.0}), "\"none\""),
            (json!([]), "not an object"),
            (
                json!({"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 4.0,
                       "high_freq_factor": 4.0, "original_max_position_embeddings": 8192}),
                "not below",
            ),
        ] {
            let refused = parse(value).unwrap_err();
            assert!(refused.contains(said), "{said:?} is not in {refused:?}");
        }
        for theta in [0.0, -1.0, 1.0, f64::INFINITY, f64::NAN] {
            assert!(RopeConfig::parse(Some(theta), None, None).is_err(), "{theta}");
        }
    }
}
