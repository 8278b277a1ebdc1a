//! A database in memory, a directory that is removed again, and items told as JSON.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use api::{Context, items_from_json};
use engine::{Engine, KEY_SPACES, ManualClock, Settings};
use futures_util::TryStreamExt;
use model::{Item, Value};
use store::MemoryStore;
use transfer::{
    Export, ExportId, ExportView, Exported, ItemSink, Location, OutputFormat, S3Buckets, Table,
    TableDefinition,
};

/// The time of everything here, in milliseconds since the Unix epoch.
pub const NOW_MS: u64 = 1_695_353_076_000;

/// A database that is gone with its value.
pub struct Database {
    engine: Engine<MemoryStore>,
    context: Context,
}

impl Database {
    pub async fn new() -> Self {
        let store = MemoryStore::new(KEY_SPACES.len());
        let clock = Box::new(ManualClock::new(NOW_MS));
        let engine = Engine::open(store, clock, 1, Settings::default()).await;
        Database {
            engine: engine.expect("an engine"),
            context: Context::default(),
        }
    }

    pub fn table(&self, name: &str) -> Table<'_, Engine<MemoryStore>> {
        Table::new(&self.engine, &self.context, name)
    }

    /// A new table with the partition key `pk`, a string.
    pub async fn create(&self, name: &str) -> Table<'_, Engine<MemoryStore>> {
        let table = self.table(name);
        table
            .create(&TableDefinition::of_keys(("pk", "S"), None))
            .await
            .expect("a table");
        table
    }
}

/// Puts items.
pub async fn fill(table: &impl ItemSink, items: &[Item]) {
    for item in items {
        let put = table.put(item.clone().into()).await;
        put.unwrap_or_else(|error| panic!("{error}: {:?}", item.attributes().to_tree()));
    }
}

/// All items of a table, by their key.
pub async fn contents(table: &Table<'_, Engine<MemoryStore>>) -> BTreeMap<String, Item> {
    let pages: Vec<Vec<Item>> = table.pages().try_collect().await.expect("pages");
    let items = pages.into_iter().flatten();
    items.map(|item| (key_of(&item), item)).collect()
}

/// The same of items that are no table.
pub fn by_key(items: &[Item]) -> BTreeMap<String, Item> {
    items.iter().map(|item| (key_of(item), item.clone())).collect()
}

fn key_of(item: &Item) -> String {
    match item.get("pk").map(Value::from) {
        Some(Value::String(key)) => key,
        other => panic!("an item has the key {other:?}"),
    }
}

/// The item of a text such as `{"pk":{"S":"a"}}`.
pub fn item(text: &str) -> Item {
    let line = format!("{{\"Item\":{text}}}");
    let mut members = items_from_json(line.as_bytes()).unwrap_or_else(|reason| panic!("{reason}: {text}"));
    let attributes = members.swap_remove("Item").expect("an item");
    assert_eq!(attributes.error, None, "{text}");
    attributes.item
}

/// A directory that is removed with its value.
pub struct Directory(PathBuf);

impl Directory {
    pub fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("stator-transfer-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("a new directory");
        Directory(path)
    }

    pub fn path(&self) -> &Path {
        &self.0
    }

    pub fn text(&self) -> &str {
        self.0.to_str().expect("a path of text")
    }

    pub fn location(&self) -> Location {
        Location::to_write(self.text(), &S3Buckets::default()).expect("a place")
    }

    /// Writes a file, and the directories that it wants.
    pub fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        let path = self.0.join(name);
        fs::create_dir_all(path.parent().expect("a parent")).expect("directories");
        fs::write(path, content).expect("a file");
    }

    /// The names of all files, sorted.
    pub fn files(&self) -> Vec<String> {
        fn walk(directory: &Path, found: &mut Vec<PathBuf>) {
            for entry in fs::read_dir(directory).expect("a directory") {
                let path = entry.expect("an entry").path();
                match path.is_dir() {
                    true => walk(&path, found),
                    false => found.push(path),
                }
            }
        }
        let mut found = Vec::new();
        walk(&self.0, &mut found);
        let names = found
            .iter()
            .map(|path| path.strip_prefix(&self.0).expect("below"));
        let mut names: Vec<String> = names.map(|name| name.to_string_lossy().into_owned()).collect();
        names.sort();
        names
    }

    /// The one file whose name ends so.
    pub fn find(&self, end: &str) -> PathBuf {
        let names = self.files();
        let mut found = names.iter().filter(|name| name.ends_with(end));
        let name = found.next().unwrap_or_else(|| panic!("no {end} in {names:?}"));
        assert_eq!(found.next(), None, "several {end}");
        self.0.join(name)
    }
}

impl Drop for Directory {
    fn drop(&mut self) {
        let _removed = fs::remove_dir_all(&self.0);
    }
}

/// Exports a table.
pub async fn export_table(
    table: &Table<'_, Engine<MemoryStore>>,
    destination: &Location,
    format: OutputFormat,
) -> Exported {
    let description = table.describe().await.expect("a table");
    let export = Export {
        id: ExportId::new(NOW_MS, 0xA1B2_C3D4),
        table_arn: description.table_arn.expect("an ARN"),
        table_id: description.table_id.expect("an id"),
        view: ExportView::Full { time_ms: NOW_MS },
        format,
        start_time_ms: NOW_MS,
        sse_algorithm: None,
        sse_kms_key_id: None,
    };
    let mut random = fastrand::Rng::with_seed(7);
    let clock = || NOW_MS + 1000;
    let exported = transfer::export(
        destination,
        &export,
        table.pages(),
        &clock,
        &mut random,
        &mut |_| {},
    )
    .await;
    exported.expect("an export")
}
