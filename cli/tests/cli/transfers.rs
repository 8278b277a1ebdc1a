//! `stator export`, `import`, `backup` and `restore` on a directory that a server has filled.

use std::fs;
use std::path::{Path, PathBuf};

use crate::process::{Server, TemporaryDirectory, output, stator};

/// Runs a command that must succeed; gives what it says.
fn succeed(arguments: &[&str]) -> String {
    let told = output(&mut stator(arguments));
    let text = String::from_utf8_lossy(&told.stdout).into_owned();
    assert!(
        told.status.success(),
        "{arguments:?}: {text}{}",
        String::from_utf8_lossy(&told.stderr)
    );
    text
}

/// Runs a command that must fail and say all of `expected`.
fn fail(arguments: &[&str], expected: &[&str]) {
    let told = output(&mut stator(arguments));
    let text = String::from_utf8_lossy(&told.stderr).into_owned();
    assert_eq!(told.status.code(), Some(1), "{arguments:?}: {text}");
    for part in expected {
        assert!(text.contains(part), "{arguments:?}: {text}");
    }
    assert!(!text.contains("panic"), "{text}");
}

const ITEMS: usize = 30;

/// A data directory with the table `things`, its index `by-group` and some items.
fn data_directory(directory: &TemporaryDirectory) -> String {
    let data = directory.join("data");
    let server = Server::start(&mut stator(&["serve", "--port", "0", "--data-dir", &data]));
    let table = r#"{"TableName":"things","KeySchema":[{"AttributeName":"pk","KeyType":"HASH"}],
        "AttributeDefinitions":[{"AttributeName":"pk","AttributeType":"N"},{"AttributeName":"group","AttributeType":"S"}],
        "BillingMode":"PAY_PER_REQUEST","GlobalSecondaryIndexes":[{"IndexName":"by-group",
        "KeySchema":[{"AttributeName":"group","KeyType":"HASH"}],"Projection":{"ProjectionType":"ALL"}}],
        "Tags":[{"Key":"team","Value":"blue"}]}"#;
    assert_eq!(server.call("CreateTable", table).0, 200);
    for n in 0..ITEMS {
        let item = format!(
            r#"{{"TableName":"things","Item":{{"pk":{{"N":"{n}"}},"group":{{"S":"g{}"}},"b":{{"B":"AAEC"}}}}}}"#,
            n % 3
        );
        assert_eq!(server.call("PutItem", &item).0, 200);
    }
    server.signal("TERM");
    server.wait();
    data
}

/// What two servers say of all items, sorted, and of those of one group.
fn contents(data: &str, table: &str, index: Option<&str>) -> Vec<String> {
    let server = Server::start(&mut stator(&["serve", "--port", "0", "--data-dir", data]));
    let index = index.map_or_else(String::new, |index| format!(r#","IndexName":"{index}""#));
    let (status, body) = server.call("Scan", &format!(r#"{{"TableName":"{table}"{index}}}"#));
    assert_eq!(status, 200, "{body}");
    server.signal("TERM");
    server.wait();
    let items = body
        .split(r#""Items":["#)
        .nth(1)
        .and_then(|rest| rest.split(r#"],"#).next());
    let mut items: Vec<String> = items
        .expect("items")
        .split("},{")
        .map(|item| item.trim_matches(['{', '}']).to_owned())
        .collect();
    items.sort();
    items
}

/// The one file below a directory whose name ends so.
fn find(directory: &str, end: &str) -> PathBuf {
    fn walk(directory: &Path, end: &str, found: &mut Vec<PathBuf>) {
        for entry in fs::read_dir(directory).expect("a directory") {
            let path = entry.expect("an entry").path();
            match path.is_dir() {
                true => walk(&path, end, found),
                false if path.to_string_lossy().ends_with(end) => found.push(path),
                false => {}
            }
        }
    }
    let mut found = Vec::new();
    walk(Path::new(directory), end, &mut found);
    assert_eq!(found.len(), 1, "{end}: {found:?}");
    found.remove(0)
}

#[test]
fn a_table_goes_out_and_comes_back() {
    let directory = TemporaryDirectory::new();
    let data = data_directory(&directory);
    let expected = contents(&data, "things", None);
    assert_eq!(expected.len(), ITEMS);
    let buckets = directory.join("buckets");
    for format in ["dynamodb-json", "ion"] {
        let to = format!("s3://exports/{format}");
        let s3 = ["--s3-directory", &buckets];
        let command = [
            "export",
            "--data-dir",
            &data,
            "--table",
            "things",
            "--format",
            format,
            "--to",
            &to,
        ];
        let told = succeed(&[&command[..], &s3].concat());
        assert!(
            told.starts_with("Exported 30 items of things (") && told.contains("AWSDynamoDB/"),
            "{told}"
        );
        // Into a directory that does not exist yet.
        let target = directory.join(&format!("target-{format}"));
        let command = [
            "import",
            "--data-dir",
            &target,
            "--table",
            "copy",
            "--from",
            &to,
            "--partition-key",
            "pk:N",
        ];
        let told = succeed(&[&command[..], &s3].concat());
        assert_eq!(told, "Imported 30 items into copy.\n");
        assert_eq!(contents(&target, "copy", None), expected);
        succeed(&["check", "--data-dir", &target]);
    }
    // Two exports below one place: which one is to be said.
    let none = directory.join("none");
    let command = [
        "import",
        "--table",
        "copy",
        "--from",
        "s3://exports",
        "--partition-key",
        "pk:N",
    ];
    fail(
        &[&command[..], &["--data-dir", &none, "--s3-directory", &buckets]].concat(),
        &["holds 2 exports", "name the folder of one of them"],
    );
}

#[test]
fn a_backup_restores_the_table_with_its_index() {
    let directory = TemporaryDirectory::new();
    let data = data_directory(&directory);
    let backup = directory.join("backup");
    let told = succeed(&[
        "backup",
        "--data-dir",
        &data,
        "--table",
        "things",
        "--to",
        &backup,
    ]);
    assert!(told.starts_with("Backed up 30 items of things ("), "{told}");
    let told = succeed(&[
        "restore",
        "--data-dir",
        &data,
        "--from",
        &backup,
        "--table",
        "again",
    ]);
    assert!(
        told.starts_with("Restored 30 items into again.\n") && told.contains("--all-settings"),
        "{told}"
    );
    assert_eq!(contents(&data, "again", None), contents(&data, "things", None));
    assert_eq!(contents(&data, "again", Some("by-group")).len(), ITEMS);
    succeed(&["check", "--data-dir", &data]);
    fail(
        &["restore", "--data-dir", &data, "--from", &backup],
        &["there is a table things already", "--table"],
    );
    fail(
        &[
            "backup",
            "--data-dir",
            &data,
            "--table",
            "things",
            "--to",
            &backup,
        ],
        &["holds a complete backup already"],
    );
    let told = succeed(&["restore", "--from", &backup, "--verify-only"]);
    assert!(told.contains("is whole: 30 items of things"), "{told}");

    let chunk = find(&backup, "000001.json.zst");
    let mut content = fs::read(&chunk).expect("a file");
    let middle = content.len() / 2;
    content[middle] ^= 1;
    fs::write(&chunk, content).expect("written");
    let told = ["000001.json.zst is damaged", "SHA-256"];
    fail(
        &[
            "restore",
            "--data-dir",
            &data,
            "--from",
            &backup,
            "--table",
            "third",
        ],
        &told,
    );
    fail(&["restore", "--from", &backup, "--verify-only"], &told);
    fs::remove_file(&chunk).expect("removed");
    fail(
        &[
            "restore",
            "--data-dir",
            &data,
            "--from",
            &backup,
            "--table",
            "third",
        ],
        &["000001.json.zst is missing"],
    );
    let server = Server::start(&mut stator(&["serve", "--port", "0", "--data-dir", &data]));
    assert!(!server.call("ListTables", "{}").1.contains("third"));
}

#[test]
fn rows_that_are_refused_are_told() {
    let directory = TemporaryDirectory::new();
    let (data, rows, log) = (
        directory.join("data"),
        directory.join("rows.csv"),
        directory.join("errors.jsonl"),
    );
    fs::write(&rows, "pk;name\n1;one\nx;two\n3;three\n").expect("written");
    let command = [
        "import",
        "--data-dir",
        &data,
        "--table",
        "rows",
        "--from",
        &rows,
        "--format",
        "csv",
        "--csv-delimiter",
        ";",
        "--partition-key",
        "pk:N",
        "--error-log",
        &log,
    ];
    fail(
        &command,
        &[
            "1 of 3 rows were refused",
            "errors.jsonl names them",
            "row 1 of",
            "numeric value: x",
        ],
    );
    let text = fs::read_to_string(&log).expect("a log");
    assert!(text.contains(r#""itemIndex":1"#), "{text}");
    assert_eq!(contents(&data, "rows", None).len(), 2);
}

#[test]
fn what_cannot_be_done_is_said() {
    let directory = TemporaryDirectory::new();
    let data = data_directory(&directory);
    let (out, none) = (directory.join("out"), directory.join("none"));
    for command in ["export", "backup"] {
        fail(
            &[command, "--data-dir", &data, "--table", "none", "--to", &out],
            &["there is no table none"],
        );
        fail(
            &[command, "--data-dir", &none, "--table", "things", "--to", &out],
            &["is not a Stator data directory"],
        );
        fail(
            &[
                command,
                "--data-dir",
                &data,
                "--table",
                "things",
                "--to",
                "ftp://x",
            ],
            &["ftp://x is no place that is known", "s3://bucket/prefix"],
        );
    }
    fs::create_dir_all(&out).expect("a directory");
    fail(
        &["restore", "--data-dir", &data, "--from", &out],
        &["backup.json is missing", "this is no backup"],
    );
    fail(
        &["import", "--data-dir", &data, "--table", "things", "--from", &out],
        &["holds no export", "--format"],
    );
    fail(
        &[
            "import",
            "--data-dir",
            &data,
            "--table",
            "none",
            "--from",
            &out,
            "--format",
            "ion",
        ],
        &["there is no table none", "--partition-key"],
    );
    fail(
        &[
            "import",
            "--data-dir",
            &data,
            "--table",
            "things",
            "--from",
            &none,
        ],
        &["none does not exist"],
    );
    let _server = Server::start(&mut stator(&["serve", "--port", "0", "--data-dir", &data]));
    fail(
        &["backup", "--data-dir", &data, "--table", "things", "--to", &out],
        &["is in use by another Stator process"],
    );
}
