//! From consumption to capacity: what a target-tracking policy wants.
//!
//! The rules are those of the alarms that the service makes for a policy: consumption above the target in two
//! minutes in a row calls for more, consumption well below it in fifteen for less. A minute of which nothing
//! was seen counts as one without consumption.

/// How many minutes in a row call for more.
const OUT_MINUTES: usize = 2;
/// How many minutes in a row call for less.
pub(super) const IN_MINUTES: usize = 15;
/// How far below the target consumption has to be to call for less, in per cent of the capacity; for low
/// targets, half of the target.
const IN_DISTANCE_PERCENT: f64 = 20.0;

/// What a policy looks at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Load<'l> {
    /// The units consumed in each minute since the policy was made, the newest last.
    pub consumed: &'l [f64],
    /// The provisioned units per second.
    pub provisioned: i64,
    pub min_units: i64,
    pub max_units: i64,
    /// The share of the capacity that is to be consumed, in per cent.
    pub target_percent: f64,
}

/// What a policy wants: so many units.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wanted {
    Out(i64),
    In(i64),
}

/// What the policy wants of this load, if anything.
pub(super) fn wanted(load: &Load<'_>) -> Option<Wanted> {
    let full_minute = load.provisioned as f64 * 60.0;
    let last = |count: usize| {
        let start = load.consumed.len().checked_sub(count)?;
        load.consumed.get(start..)
    };
    // As many units as make the highest of these minutes the target's share.
    let fitting = |minutes: &[f64]| {
        let highest = minutes.iter().copied().fold(0.0, f64::max);
        let units = (highest / 60.0 / (load.target_percent / 100.0) - 1e-9).ceil() as i64;
        units.clamp(load.min_units, load.max_units)
    };
    let high = full_minute * load.target_percent / 100.0;
    if let Some(minutes) = last(OUT_MINUTES)
        && minutes.iter().all(|consumed| *consumed > high)
    {
        return Some(fitting(minutes))
            .filter(|units| *units > load.provisioned)
            .map(Wanted::Out);
    }
    let distance = IN_DISTANCE_PERCENT.min(load.target_percent / 2.0);
    let low = full_minute * (load.target_percent - distance) / 100.0;
    let minutes = last(IN_MINUTES)?;
    let is_low = minutes.iter().all(|consumed| *consumed < low);
    Some(fitting(minutes))
        .filter(|units| is_low && *units < load.provisioned)
        .map(Wanted::In)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capacity_follows_the_target() {
        // Of 10 units at 70 per cent, a minute is high above 420 and low below 300.
        let check = |consumed: &[f64], expected: Option<Wanted>| {
            let load = Load {
                consumed,
                provisioned: 10,
                min_units: 5,
                max_units: 100,
                target_percent: 70.0,
            };
            assert_eq!(wanted(&load), expected, "{consumed:?}");
        };
        check(&[], None);
        check(&[600.0], None);
        check(&[600.0, 420.0], None);
        check(&[421.0, 600.0], Some(Wanted::Out(15)));
        check(&[600.0, 600.0, 0.0], None);
        check(&[1e9, 1e9], Some(Wanted::Out(100)));
        check(&[0.0; 14], None);
        check(&[0.0; 15], Some(Wanted::In(5)));
        check(&[299.0; 15], Some(Wanted::In(8)));
        check(&[300.0; 15], None);
        let mut once = [0.0; 16];
        once[0] = 600.0;
        check(&once, Some(Wanted::In(5)));
        once[1] = 600.0;
        check(&once, None);
    }

    #[test]
    fn low_targets_scale_in_too() {
        let load = Load {
            consumed: &[0.0; 15],
            provisioned: 10,
            min_units: 1,
            max_units: 100,
            target_percent: 20.0,
        };
        assert_eq!(wanted(&load), Some(Wanted::In(1)));
    }
}
