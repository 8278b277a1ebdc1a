//! What exports, imports and backups hold in memory does not grow with what passes through them. One test
//! alone, for it measures the whole process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};

use api::AttributeMap;
use futures_util::stream::{self, Stream, TryStreamExt};
use model::{Encoder, Item, Number};
use transfer::backup::{Backup, backup, verify};
use transfer::import::{ImportOptions, find_exports, import_export, import_objects};
use transfer::{
    Error, Export, ExportId, ExportView, InputFormat, ItemSink, Location, OutputFormat, S3Buckets,
    TableDefinition, TableSettings,
};

/// The system's allocator, which counts what is in use.
struct Counting;

static IN_USE_BYTES: AtomicUsize = AtomicUsize::new(0);
static PEAK_BYTES: AtomicUsize = AtomicUsize::new(0);

// SAFETY: every call is the system allocator's own.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let in_use = IN_USE_BYTES.fetch_add(layout.size(), Ordering::Relaxed) + layout.size();
        PEAK_BYTES.fetch_max(in_use, Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        IN_USE_BYTES.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller's promises are passed on.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

const PAGES: usize = 110;
const PAGE_ITEMS: usize = 512;
const FILLER_BYTES: usize = 1500;
const ITEMS: u64 = (PAGES * PAGE_ITEMS) as u64;
/// All items together: more than may be in memory at one time.
const TOTAL_BYTES: usize = PAGES * PAGE_ITEMS * FILLER_BYTES;
const PEAK_BYTES_MAX: usize = 64 << 20;

/// Items that hardly compress.
fn pages() -> impl Stream<Item = Result<Vec<Item>, Error>> + Send {
    futures_util::StreamExt::map(stream::iter(0..PAGES), |page| {
        let mut random = fastrand::Rng::with_seed(page as u64);
        let items = (0..PAGE_ITEMS).map(|number| {
            let filler: String = std::iter::repeat_with(|| random.alphanumeric())
                .take(FILLER_BYTES)
                .collect();
            let (mut encoder, attributes) = Encoder::item(FILLER_BYTES + 100);
            encoder.name(b"filler");
            encoder.string(filler.as_bytes());
            encoder.name(b"pk");
            encoder.number(Number::from((page * PAGE_ITEMS + number) as i64));
            encoder.finish(attributes)
        });
        Ok(items.collect())
    })
}

/// Takes every item and keeps none.
struct Nowhere(AtomicUsize);

impl ItemSink for Nowhere {
    async fn put(&self, item: AttributeMap) -> Result<(), api::Error> {
        assert_eq!(item.error, None);
        self.0.fetch_add(1, Ordering::Relaxed);
        Ok(())
    }
}

/// How many bytes more than before were in use at one time.
async fn peak_of<T>(work: impl Future<Output = T>) -> (T, usize) {
    let before = IN_USE_BYTES.load(Ordering::Relaxed);
    PEAK_BYTES.store(before, Ordering::Relaxed);
    let done = work.await;
    (done, PEAK_BYTES.load(Ordering::Relaxed).saturating_sub(before))
}

struct Directory(PathBuf);

impl Directory {
    fn new(name: &str) -> Self {
        let path = std::env::temp_dir().join(format!("stator-memory-{}-{name}", std::process::id()));
        std::fs::create_dir(&path).expect("a new directory");
        Directory(path)
    }

    fn location(&self) -> Location {
        Location::to_write(self.0.to_str().expect("a text"), &S3Buckets::default()).expect("a place")
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _removed = std::fs::remove_dir_all(&self.0);
    }
}

fn check(what: &str, peak: usize) {
    println!("{what}: {} MiB at most", peak >> 20);
    assert!(peak < PEAK_BYTES_MAX, "{what} took {peak} bytes");
}

#[tokio::test(flavor = "multi_thread")]
async fn memory_does_not_grow_with_the_table() {
    // What is to be seen is seen: all items at once are above the bound.
    let (all, peak) = peak_of(pages().try_collect::<Vec<Vec<Item>>>()).await;
    assert_eq!(all.expect("items").len(), PAGES);
    assert!(peak > TOTAL_BYTES, "{peak}");

    for format in [OutputFormat::DynamodbJson, OutputFormat::Ion] {
        let directory = Directory::new(format.name());
        let place = directory.location();
        let export = Export {
            id: ExportId::new(0, 0),
            table_arn: String::new(),
            table_id: String::new(),
            view: ExportView::Full { time_ms: 0 },
            format,
            start_time_ms: 0,
            sse_algorithm: None,
            sse_kms_key_id: None,
        };
        let mut random = fastrand::Rng::with_seed(1);
        let (exported, peak) = peak_of(transfer::export(
            &place,
            &export,
            pages(),
            &|| 0,
            &mut random,
            &mut |_| {},
        ))
        .await;
        assert_eq!(exported.expect("an export").item_count, ITEMS);
        check(&format!("export as {}", format.name()), peak);

        let sink = Nowhere(AtomicUsize::new(0));
        let (imported, peak) = peak_of(async {
            let (_, export) = find_exports(&place).await?.pop_first().expect("an export");
            import_export(&export.verify().await?, &sink, None, &mut |_| {}).await
        })
        .await;
        assert_eq!(imported.expect("an import").imported_item_count, ITEMS);
        check(&format!("import of {}", format.name()), peak);
    }

    let directory = Directory::new("backup");
    let place = directory.location();
    let plan = Backup {
        table_name: "t".to_owned(),
        table_arn: String::new(),
        table_id: String::new(),
        definition: TableDefinition::of_keys(("pk", "N"), None),
        settings: TableSettings::default(),
        time_ms: 0,
    };
    let (written, peak) = peak_of(backup(&place, &plan, pages(), &mut |_| {})).await;
    let manifest = written.expect("a backup");
    assert_eq!(manifest.item_count, ITEMS);
    check("backup", peak);
    let (verified, peak) = peak_of(verify(&place, &manifest, &mut |_| {})).await;
    verified.expect("a whole backup");
    check("verifying a backup", peak);
    // A backup's chunks are objects that an import reads, too.
    let sink = Nowhere(AtomicUsize::new(0));
    let options = ImportOptions {
        format: InputFormat::DynamodbJson,
        compression: None,
    };
    let chunks = place.below("chunks");
    let (imported, peak) = peak_of(import_objects(&chunks, &options, &sink, None, &mut |_| {})).await;
    assert_eq!(imported.expect("an import").imported_item_count, ITEMS);
    check("import of a backup's chunks", peak);

    let mut endless = String::from("{\"Item\":{\"pk\":{\"S\":\"");
    endless.push_str(&"x".repeat(1 << 20));
    let directory = Directory::new("endless");
    let one_line = zstd::encode_all(endless.repeat(200).as_bytes(), 1).expect("memory");
    std::fs::write(directory.0.join("line.json.zst"), one_line).expect("a file");
    drop(endless);
    let place = directory.location();
    let (imported, peak) = peak_of(import_objects(&place, &options, &sink, None, &mut |_| {})).await;
    assert_eq!(imported.expect("an import").error_count, 1);
    // The line itself may grow to its own bound, and doubles as it does.
    println!("a line without end: {} MiB at most", peak >> 20);
    assert!(peak < 200 << 20, "{peak}");
}
