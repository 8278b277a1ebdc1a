use engine::TableMeasurement;
use histogram::Histogram;

use super::*;

fn table(id: u32) -> TableMeasurement {
    TableMeasurement {
        id,
        name: format!("table-{id}"),
        ..TableMeasurement::default()
    }
}

fn page_of(requests: Measurements) -> String {
    page(requests, ServerMeasurements::default(), None).expect("text can be written")
}

#[test]
fn a_page_has_a_bound_on_its_tables() {
    let few = page_of(Measurements {
        tables: (0..3).map(table).collect(),
        ..Measurements::default()
    });
    assert!(few.contains("stator_tables_omitted 0\n"), "{few}");
    assert!(
        few.contains("stator_conditional_check_failures_total{table=\"table-2\"} 0.0\n"),
        "{few}"
    );
    assert!(few.ends_with("# EOF\n"), "{few}");
    // In any order: those that were created first are shown.
    let many = page_of(Measurements {
        tables: (0..TABLES_MAX as u32 + 10).rev().map(table).collect(),
        ..Measurements::default()
    });
    assert!(many.contains("stator_tables_omitted 10\n"));
    assert!(many.contains("table=\"table-255\"") && !many.contains("table=\"table-256\""));
}

#[test]
fn a_histogram_has_each_value_in_its_bucket() {
    let times = Histogram::default();
    for time_us in [1, 40, 5000, 200_000_000] {
        times.record(time_us);
    }
    let numbers = Histogram::default();
    for number in [1, 1, 2, 3, 4, 2000] {
        numbers.record(number);
    }
    #[derive(Debug)]
    struct Both(histogram::Counts, histogram::Counts);
    impl Collector for Both {
        fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> fmt::Result {
            let mut families = Families::new(&mut encoder);
            families.histogram("times", "t", families::Unit::Time, &self.0)?;
            families.histogram("numbers", "n", families::Unit::Number, &self.1)
        }
    }
    let both: Box<dyn Collector> = Box::new(Both(times.counts(), numbers.counts()));
    let page = page(Measurements::default(), ServerMeasurements::default(), Some(both)).unwrap();
    for line in [
        "stator_times_count 4",
        "stator_times_bucket{le=\"0.000032\"} 1",
        "stator_times_bucket{le=\"0.000064\"} 2",
        "stator_times_bucket{le=\"0.008192\"} 3",
        "stator_times_bucket{le=\"8.388608\"} 3",
        "stator_times_bucket{le=\"+Inf\"} 4",
        "stator_numbers_sum 2011.0",
        "stator_numbers_bucket{le=\"1.0\"} 2",
        "stator_numbers_bucket{le=\"3.0\"} 4",
        "stator_numbers_bucket{le=\"7.0\"} 5",
        "stator_numbers_bucket{le=\"1023.0\"} 5",
        "stator_numbers_bucket{le=\"+Inf\"} 6",
    ] {
        assert!(page.lines().any(|found| found == line), "{line} in {page}");
    }
}
