//! `stator import`: items from files into a table.

use std::fs;
use std::path::Path;

use ::transfer::import::{
    ErrorLogTarget, ImportOptions, Imported, VerifiedExport, find_exports, import_export, import_objects,
};
use ::transfer::{Compression, CsvOptions, InputFormat, Location, S3Buckets, Table, TableDefinition};
use engine::Engine;
use store::DiskStore;

use super::arguments::{ImportArguments, ImportCompression, ImportFormat};
use super::database::{Missing, OpenDatabase};
use super::progress::{Bar, items_text};
use crate::failure::Failure;

/// What is imported.
enum Source {
    /// An export, verified.
    Export(Box<VerifiedExport>),
    /// Any objects.
    Objects(ImportFormat),
}

/// Imports the items and says how many; fails where rows were refused.
pub fn import(arguments: &ImportArguments) -> Result<(), Failure> {
    let given = given_definition(arguments)?;
    let source = Location::to_read(&arguments.from, &arguments.transfer.s3_buckets())?;
    let database = OpenDatabase::open(&arguments.transfer, Missing::Created)?;
    let imported = database
        .runtime
        .block_on(run(&database, arguments, &source, given));
    let imported = database.close(imported)?;
    println!(
        "Imported {} into {}.",
        items_text(imported.imported_item_count),
        arguments.table
    );
    if imported.error_count == 0 {
        return Ok(());
    }
    Err(Failure::new(format!(
        "{} of {} rows were refused; {} names them. The first: {}",
        imported.error_count,
        imported.processed_item_count,
        imported.error_log.unwrap_or_default(),
        imported.first_error.unwrap_or_default()
    )))
}

async fn run(
    database: &OpenDatabase,
    arguments: &ImportArguments,
    location: &Location,
    given: Option<TableDefinition>,
) -> Result<Imported, Failure> {
    let source = find_source(arguments, location).await?;
    let table = database.table(&arguments.table);
    let key_attributes = make_table(&table, given).await?;
    let log = error_log(&arguments.error_log)?;
    let target = ErrorLogTarget {
        location: &log.0,
        name: &log.1,
    };
    let known_count = match &source {
        Source::Export(export) => Some(export.manifests().item_count()),
        Source::Objects(_) => None,
    };
    let bar = Bar::new("Importing", known_count);
    let mut show = |progress| bar.show(progress);
    let imported = match source {
        Source::Export(export) => import_export(&export, &table, Some(target), &mut show).await,
        Source::Objects(format) => {
            let options = ImportOptions {
                format: input_format(arguments, format, key_attributes),
                compression: arguments.compression.map(compression),
            };
            import_objects(location, &options, &table, Some(target), &mut show).await
        }
    };
    bar.clear();
    Ok(imported?)
}

/// The export below a place, or what the options say of its objects.
async fn find_source(arguments: &ImportArguments, location: &Location) -> Result<Source, Failure> {
    if let Some(format) = arguments.format {
        return Ok(Source::Objects(format));
    }
    let mut exports = find_exports(location).await?;
    let names: Vec<String> = exports.keys().cloned().collect();
    match (exports.pop_first(), names.len()) {
        (Some((_, export)), 1) => {
            let bar = Bar::new("Verifying", None);
            let verified = export.verify().await;
            bar.clear();
            Ok(Source::Export(Box::new(verified?)))
        }
        (None, _) => Err(Failure::new(format!(
            "{} holds no export; say with --format what its objects hold",
            arguments.from
        ))),
        (Some(_), _) => Err(Failure::new(format!(
            "{} holds {} exports, {}; name the folder of one of them",
            arguments.from,
            names.len(),
            names.join(", ")
        ))),
    }
}

/// The definition that the options give of the table.
fn given_definition(arguments: &ImportArguments) -> Result<Option<TableDefinition>, Failure> {
    if let Some(path) = &arguments.table_definition {
        let wrong = |what: String| Failure::new(format!("the table definition {} {what}", path.display()));
        let text = fs::read(path).map_err(|error| wrong(format!("cannot be read: {error}")))?;
        let definition = TableDefinition::from_json(&text);
        return definition
            .map(Some)
            .map_err(|error| wrong(format!("is not the JSON of a CreateTable request: {error}")));
    }
    let pair = |key: &'_ super::arguments::KeyAttribute| (key.name.clone(), key.key_type.clone());
    let Some((partition_name, partition_type)) = arguments.partition_key.as_ref().map(pair) else {
        return Ok(None);
    };
    let sort_key = arguments.sort_key.as_ref().map(pair);
    Ok(Some(TableDefinition::of_keys(
        (&partition_name, &partition_type),
        sort_key
            .as_ref()
            .map(|(name, key_type)| (name.as_str(), key_type.as_str())),
    )))
}

/// Makes the table where it does not exist; gives the attributes of its keys and their types.
async fn make_table(
    table: &Table<'_, Engine<DiskStore>>,
    given: Option<TableDefinition>,
) -> Result<Vec<(String, String)>, Failure> {
    if table.find().await?.is_some() {
        let (definition, _) = table.definition().await?;
        return Ok(definition.key_attributes());
    }
    let Some(definition) = given else {
        return Err(Failure::new(format!(
            "there is no table {}; give --partition-key (and --sort-key) or --table-definition to create it",
            table.name()
        )));
    };
    table.create(&definition).await?;
    Ok(definition.key_attributes())
}

/// The place and the name of the log of refused rows.
fn error_log(path: &Path) -> Result<(Location, String), Failure> {
    let parent = match path.parent().and_then(Path::to_str) {
        Some("") | None => ".",
        Some(parent) => parent,
    };
    let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
        return Err(Failure::new(format!(
            "{} is no file; choose another --error-log",
            path.display()
        )));
    };
    Ok((
        Location::to_write(parent, &S3Buckets::default())?,
        name.to_owned(),
    ))
}

fn input_format(
    arguments: &ImportArguments,
    format: ImportFormat,
    key_attributes: Vec<(String, String)>,
) -> InputFormat {
    match format {
        ImportFormat::DynamodbJson => InputFormat::DynamodbJson,
        ImportFormat::Ion => InputFormat::Ion,
        ImportFormat::Csv => InputFormat::Csv(CsvOptions {
            delimiter: arguments.csv_delimiter,
            header: arguments.csv_header.clone(),
            key_attributes,
        }),
    }
}

fn compression(compression: ImportCompression) -> Compression {
    match compression {
        ImportCompression::None => Compression::None,
        ImportCompression::Gzip => Compression::Gzip,
        ImportCompression::Zstd => Compression::Zstd,
    }
}
