//! Holds `docs/behaviour.md` to the tests: every test that it names exists, every test of behaviour
//! is named, and hardly a line stands without one.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

/// How many lines may stand without a test.
const UNTESTED_MAX: usize = 5;

/// The modules here that test documents rather than the service.
const NOT_BEHAVIOUR: [&str; 2] = ["behaviour_document", "compatibility_document"];

/// The folder of the workspace.
pub fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// One behaviour of the document: what it says and the tests that it names.
#[derive(Debug, PartialEq, Eq)]
struct Line {
    text: String,
    tests: Vec<String>,
}

/// The behaviours of a document: its list entries, but for those below the heading "Later".
fn lines(document: &str) -> Vec<Line> {
    let mut entries: Vec<String> = Vec::new();
    let mut is_later = false;
    let mut is_entry = false;
    for line in document.lines() {
        if let Some(heading) = line.strip_prefix("## ") {
            is_later = heading == "Later";
        }
        match line.strip_prefix("- ") {
            Some(start) if !is_later => entries.push(start.to_owned()),
            None if is_entry && line.starts_with("  ") => {
                if let Some(entry) = entries.last_mut() {
                    entry.push_str(line);
                }
            }
            _ => {}
        }
        is_entry = !is_later && (line.starts_with("- ") || (is_entry && line.starts_with("  ")));
    }
    entries
        .into_iter()
        .map(|text| {
            let quoted = text.split('`').skip(1).step_by(2);
            let tests = quoted
                .filter(|name| name.contains("::"))
                .map(str::to_owned)
                .collect();
            Line { text, tests }
        })
        .collect()
}

/// All Rust sources below a folder.
fn sources(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
    found
}

/// The tests of a source: the functions behind a test attribute.
fn tests_of(source: &str) -> Vec<&str> {
    let mut tests = Vec::new();
    let mut is_test = false;
    for line in source.lines().map(str::trim_start) {
        if line.starts_with("#[test]") || line.starts_with("#[tokio::test") {
            is_test = true;
        } else if let Some((_, rest)) = line.split_once("fn ")
            && std::mem::take(&mut is_test)
        {
            tests.extend(rest.split('(').next());
        }
    }
    tests
}

/// Whether there is the test `crate::module::name`: below the crate's folder, in a source in whose
/// path the modules stand.
fn exists(test: &str) -> bool {
    let mut parts: Vec<&str> = test.split("::").collect();
    let (Some(name), false) = (parts.pop(), parts.is_empty()) else {
        return false;
    };
    let folder = workspace().join(parts.remove(0));
    ["src", "tests"]
        .iter()
        .flat_map(|part| sources(&folder.join(part)))
        .any(|path| {
            let inside = path.strip_prefix(&folder).unwrap().with_extension("");
            let names: BTreeSet<&str> = inside.iter().filter_map(|name| name.to_str()).collect();
            parts.iter().all(|module| names.contains(module))
                && tests_of(&fs::read_to_string(&path).unwrap()).contains(&name)
        })
}

fn document() -> Vec<Line> {
    lines(&fs::read_to_string(workspace().join("docs/behaviour.md")).unwrap())
}

#[test]
fn every_test_that_is_named_exists() {
    let unknown: Vec<String> = document()
        .into_iter()
        .flat_map(|line| line.tests)
        .filter(|test| !exists(test))
        .collect();
    assert!(
        unknown.is_empty(),
        "docs/behaviour.md names tests that do not exist: {unknown:#?}"
    );
}

#[test]
fn hardly_a_line_stands_without_a_test() {
    let untested: Vec<String> = document()
        .into_iter()
        .filter(|line| line.tests.is_empty())
        .map(|line| line.text)
        .collect();
    assert!(
        untested.len() <= UNTESTED_MAX,
        "docs/behaviour.md has lines without a test: {untested:#?}"
    );
}

#[test]
fn every_test_of_behaviour_is_in_the_document() {
    let named: BTreeSet<String> = document().into_iter().flat_map(|line| line.tests).collect();
    let mut missing = Vec::new();
    for path in sources(&workspace().join("engine/tests/behaviour")) {
        let module = path.file_stem().unwrap().to_str().unwrap();
        if NOT_BEHAVIOUR.contains(&module) {
            continue;
        }
        let source = fs::read_to_string(&path).unwrap();
        let tests = tests_of(&source)
            .into_iter()
            .map(|test| format!("engine::behaviour::{module}::{test}"));
        missing.extend(tests.filter(|test| !named.contains(test)));
    }
    assert!(
        missing.is_empty(),
        "docs/behaviour.md does not list: {missing:#?}"
    );
}

#[test]
fn the_checker_finds_a_test_that_does_not_exist() {
    let test = "engine::behaviour::behaviour_document::the_checker_finds_a_test_that_does_not_exist";
    assert!(exists(test));
    for wrong in [
        "engine::behaviour::members::no_such_test",
        "no::crate::at_all",
        "exists",
        &test.replace("engine", "api"),
    ] {
        assert!(!exists(wrong), "{wrong}");
    }
    // A function that is no test does not count.
    assert!(!exists("engine::behaviour::behaviour_document::exists"));
    let read = lines("## A\n\n- One `x::y`,\n  `a::b`.\n- Two `y`.\n\ntext `c::d`\n\n## Later\n- Three.\n");
    let tests: Vec<Vec<String>> = read.into_iter().map(|line| line.tests).collect();
    assert_eq!(tests, [vec!["x::y".to_owned(), "a::b".to_owned()], Vec::new()]);
}
