//! CSV: the header or given names, delimiters, quotes; keys by their types, all else strings.

use transfer::import::{ImportOptions, Imported, import_objects};
use transfer::{CsvOptions, InputFormat, TableDefinition};

use crate::database::{Database, Directory, item};
use model::Item;

/// Imports a text into a table with the keys `pk` (S) and `n` (N); gives its items.
async fn import(text: &str, options: CsvOptions) -> (Imported, Vec<Item>) {
    let directory = Directory::new();
    directory.write("rows.csv", text);
    let database = Database::new().await;
    let table = database.table("things");
    let definition = TableDefinition::of_keys(("pk", "S"), Some(("n", "N")));
    table.create(&definition).await.expect("a table");
    let options = ImportOptions {
        format: InputFormat::Csv(CsvOptions {
            key_attributes: definition.key_attributes(),
            ..options
        }),
        compression: None,
    };
    let place = directory.location();
    let imported = import_objects(&place, &options, &table, None, &mut |_| {})
        .await
        .expect("an import");
    let pages: Vec<Vec<Item>> = futures_util::TryStreamExt::try_collect(table.pages())
        .await
        .expect("pages");
    let items = pages.into_iter().flatten().collect();
    (imported, items)
}

#[tokio::test(flavor = "multi_thread")]
async fn columns_become_attributes() {
    let text = "pk,n,title,count\na,1,\"with \"\"quotes\"\", and a\nnewline\",007\nb,1.50,,x\n";
    let (imported, items) = import(text, CsvOptions::default()).await;
    assert_eq!((imported.imported_item_count, imported.error_count), (2, 0));
    let expected = [
        item(r#"{"pk":{"S":"b"},"n":{"N":"1.5"},"count":{"S":"x"}}"#),
        item(
            r#"{"pk":{"S":"a"},"n":{"N":"1"},"title":{"S":"with \"quotes\", and a\nnewline"},"count":{"S":"007"}}"#,
        ),
    ];
    assert_eq!(items.len(), 2);
    assert!(expected.iter().all(|item| items.contains(item)), "{items:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn names_may_be_given() {
    let header = ["pk", "n", "grüße"].map(str::to_owned).to_vec();
    let options = CsvOptions {
        delimiter: b'|',
        header: Some(header),
        ..CsvOptions::default()
    };
    let (imported, items) = import("a|1|x,y\npk|2|grüße\n", options).await;
    assert_eq!((imported.imported_item_count, imported.error_count), (2, 0));
    let expected = [
        item(r#"{"pk":{"S":"a"},"n":{"N":"1"},"grüße":{"S":"x,y"}}"#),
        item(r#"{"pk":{"S":"pk"},"n":{"N":"2"},"grüße":{"S":"grüße"}}"#),
    ];
    assert!(expected.iter().all(|item| items.contains(item)), "{items:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn rows_that_do_not_fit_are_refused() {
    let (imported, items) = import("pk,n\na,1\nb\nc,x\nd,2,3\n,5\ne,6\n", CsvOptions::default()).await;
    assert_eq!(
        (imported.imported_item_count, imported.error_count, items.len()),
        (2, 4, 2)
    );
    let (imported, _) = import("", CsvOptions::default()).await;
    assert_eq!(imported.processed_item_count, 0);
}
